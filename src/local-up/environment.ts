/**
 * What the local environment keeps on disk. All of it lives in one folder, KARMADA_HOME:
 *
 *   environment.json        ports and address block, chosen once (format below)
 *   supervisor.json         pid, start time and build of the running supervisor
 *   logs/                   supervisor.log, <cluster>.log
 *   clusters/<name>/        data of each kubelite, its kubeconfig
 *   host/                   volumes, logs and data of the components that run on karmada-host
 *   pki/                    certificates of the Karmada control plane
 *
 * Addresses: the environment takes a /16 of the loopback range, 127.N.0.0, so that several environments live side by side.
 * Pods of the host are in 127.N.0.0/17, its Services in 127.N.128.0/18, agents of members in 127.N.192.0/24.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export const memberNames = ['member1', 'member2', 'member3'] as const;
/** The member that an agent serves from inside; the others are joined by push. */
export const pullMemberName = 'member3';
export const hostName = 'karmada-host';
export const clusterNames = [hostName, ...memberNames] as const;
export type ClusterName = (typeof clusterNames)[number];

const format = 1;

interface EnvironmentFile {
  format: number;
  /** N of 127.N.0.0/16. */
  network: number;
  /** API server port on 127.0.0.1, by cluster. */
  ports: Record<ClusterName, number>;
}

export interface Environment {
  home: string;
  mainKubeconfig: string;
  memberKubeconfig: string;
  logs: string;
  pki: string;
  hostHome: string;
  supervisorFile: string;
  supervisorLog: string;
  clusterData(name: ClusterName): string;
  clusterKubeconfig(name: ClusterName): string;
  clusterLog(name: ClusterName): string;
}

export interface Addresses {
  ports: Readonly<Record<ClusterName, number>>;
  podCidr: string;
  serviceCidr: string;
  /** Pods of members that are processes. */
  agentCidr: string;
  /** clusterIP of the Service karmada-apiserver on the host. */
  apiServerIp: string;
}

/** Paths by the environment variables upstream's scripts know, and KARMADA_HOME. */
export function environmentOf(env: NodeJS.ProcessEnv): Environment {
  const userHome = env['HOME'] || homedir();
  const home = resolve(env['KARMADA_HOME'] || join(userHome, '.karmada'));
  const kubeconfigs = resolve(env['KUBECONFIG_PATH'] || join(userHome, '.kube'));
  return {
    home,
    mainKubeconfig: resolve(env['MAIN_KUBECONFIG'] || join(kubeconfigs, 'karmada.config')),
    memberKubeconfig: resolve(env['MEMBER_CLUSTER_KUBECONFIG'] || join(kubeconfigs, 'members.config')),
    logs: join(home, 'logs'),
    pki: join(home, 'pki'),
    hostHome: join(home, 'host'),
    supervisorFile: join(home, 'supervisor.json'),
    supervisorLog: join(home, 'logs', 'supervisor.log'),
    clusterData: (name) => join(home, 'clusters', name),
    clusterKubeconfig: (name) => join(home, 'clusters', `${name}.kubeconfig`),
    clusterLog: (name) => join(home, 'logs', `${name}.log`),
  };
}

/** Reads the addresses chosen at the first start, or chooses them. Throws with advice when the file is not ours to read. */
export async function loadAddresses(environment: Environment): Promise<Addresses> {
  mkdirSync(environment.home, { recursive: true, mode: 0o700 });
  mkdirSync(environment.logs, { recursive: true });
  mkdirSync(join(environment.home, 'clusters'), { recursive: true });
  const path = join(environment.home, 'environment.json');
  let file: EnvironmentFile;
  if (existsSync(path)) {
    file = parseEnvironmentFile(path, readFileSync(path, 'utf8'));
  } else {
    file = { format, network: await freeNetwork(), ports: await freePorts() };
    writeFileSync(`${path}.new`, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  const block = `127.${file.network}`;
  return {
    ports: file.ports,
    podCidr: `${block}.0.0/17`,
    serviceCidr: `${block}.128.0/18`,
    agentCidr: `${block}.192.0/24`,
    apiServerIp: `${block}.128.10`,
  };
}

export function parseEnvironmentFile(path: string, text: string): EnvironmentFile {
  const advice = `run hack/local-down-karmada.sh to remove the environment and start afresh`;
  let file: EnvironmentFile;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} cannot be parsed; ${advice}`, { cause: error });
  }
  if (file?.format !== format) {
    throw new Error(`${path} has format ${file?.format}, this version reads format ${format}; ${advice}`);
  }
  const whole = (value: unknown, min: number, max: number) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  if (!whole(file.network, 1, 255) || !clusterNames.every((name) => whole(file.ports?.[name], 1, 65535))) {
    throw new Error(`${path} lacks a network or a port; ${advice}`);
  }
  return file;
}

/** Binds the first service address of a block: free when nobody listens there. */
async function freeNetwork(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const network = 16 + Math.floor(Math.random() * 224);
    if (await canListen(`127.${network}.128.10`, 5443)) return network;
  }
  throw new Error('no free block of addresses was found in 127.0.0.0/8');
}

/** The clusters whose port somebody else listens on. */
export async function takenPorts(addresses: Addresses): Promise<ClusterName[]> {
  const free = await Promise.all(clusterNames.map((name) => canListen('127.0.0.1', addresses.ports[name])));
  return clusterNames.filter((_, index) => free[index] === false);
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, host, () => server.close(() => done(true)));
  });
}

async function freePorts(): Promise<Record<ClusterName, number>> {
  const servers = await Promise.all(
    clusterNames.map(
      () =>
        new Promise<ReturnType<typeof createServer>>((done, fail) => {
          const server = createServer();
          server.once('error', fail);
          server.listen(0, '127.0.0.1', () => done(server));
        }),
    ),
  );
  const ports = {} as Record<ClusterName, number>;
  for (const [index, name] of clusterNames.entries()) {
    const address = servers[index]?.address();
    ports[name] = typeof address === 'object' && address !== null ? address.port : 0;
  }
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Whether an environment file exists: up has run here before. */
export function environmentExists(environment: Environment): boolean {
  return existsSync(join(environment.home, 'environment.json'));
}
