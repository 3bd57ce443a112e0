/**
 * Certificates of the Karmada control plane: one authority (10 years), a serving certificate, one client certificate a
 * component with its own identity, one for the user (group system:masters), and the key that signs service account tokens.
 * Leaves last one year and are renewed at start when less than 30 days are left. Files are written 0600.
 */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { agentGroup, agentUser } from '../clusters/agent/agent-identity.ts';
import {
  createCertificateAuthority,
  issueCertificate,
  type LeafOptions,
  needsRenewal,
} from '../component/certificates.ts';
import { pullMemberName } from './environment.ts';
import { componentNamespace } from './manifests/component.ts';
import { apiServerName, apiServerPort } from './manifests/components.ts';

interface KeyPair {
  cert: string;
  key: string;
}

export interface ControlPlanePki {
  ca: KeyPair;
  serving: KeyPair;
  serviceAccount: { privateKey: string; publicKey: string };
  admin: KeyPair;
  /** By component name, and the agent's by the name of its cluster. */
  clients: Readonly<Record<string, KeyPair>>;
}

/** User name of each component in the control plane; control-plane.ts binds its rights. */
export const componentUsers = {
  'karmada-controller-manager': 'system:karmada:controller-manager',
  'karmada-scheduler': 'system:karmada:scheduler',
  'kube-controller-manager': 'system:kube-controller-manager',
} as const;

const renewalDays = 30;
const leafDays = 365;
const authorityDays = 3650;

/** Reads what is there, makes what is missing or runs out. `serverIp` is the address users and components connect to. */
export async function ensurePki(
  folder: string,
  serverIp: string,
  clock: Clock = systemClock,
): Promise<ControlPlanePki> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ca = await ensure(folder, 'ca', undefined, () =>
    createCertificateAuthority({ commonName: 'karmada', days: authorityDays }),
  );
  const leaf = (name: string, request: Omit<LeafOptions, 'days'>) =>
    ensure(folder, name, { days: renewalDays, now: clock.now() }, () =>
      issueCertificate(ca, { ...request, days: leafDays }),
    );
  const host = `${apiServerName}.${componentNamespace}.svc`;
  const serving = await leaf(`${apiServerName}-${serverIp}`, {
    commonName: apiServerName,
    dnsNames: [
      'localhost',
      apiServerName,
      `${apiServerName}.${componentNamespace}`,
      host,
      `${host}.cluster.local`,
      'kubernetes.default.svc',
    ],
    ipAddresses: ['127.0.0.1', serverIp],
    usages: ['server'],
  });
  const admin = await leaf('admin', {
    commonName: 'system:admin',
    organizations: ['system:masters'],
    usages: ['client'],
  });
  const clients: Record<string, KeyPair> = {};
  for (const [component, user] of Object.entries(componentUsers)) {
    clients[component] = await leaf(component, { commonName: user, usages: ['client'] });
  }
  clients[pullMemberName] = await leaf(`karmada-agent-${pullMemberName}`, {
    commonName: agentUser(pullMemberName),
    organizations: [agentGroup],
    usages: ['client'],
  });
  return { ca, serving, admin, clients, serviceAccount: ensureSigningKey(folder) };
}

async function ensure(
  folder: string,
  name: string,
  /** Renewed when it ends within `days` of `now` (ms); undefined: kept for ever. */
  renewal: { days: number; now: number } | undefined,
  make: () => Promise<KeyPair>,
): Promise<KeyPair> {
  const certFile = join(folder, `${name}.crt`);
  const keyFile = join(folder, `${name}.key`);
  if (existsSync(certFile) && existsSync(keyFile)) {
    const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    if (renewal === undefined || !needsRenewal(pair.cert, renewal.days, renewal.now)) return pair;
  }
  const pair = await make();
  // The key first: a certificate on disk means that its key is there too.
  writePrivate(keyFile, pair.key);
  writePrivate(certFile, pair.cert);
  return pair;
}

function ensureSigningKey(folder: string): { privateKey: string; publicKey: string } {
  const privateFile = join(folder, 'sa.key');
  const publicFile = join(folder, 'sa.pub');
  if (!existsSync(publicFile)) {
    const pair = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    writePrivate(privateFile, pair.privateKey);
    writePrivate(publicFile, pair.publicKey);
  }
  return { privateKey: readFileSync(privateFile, 'utf8'), publicKey: readFileSync(publicFile, 'utf8') };
}

function writePrivate(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** `https://127.N.128.10:5443`: how the user's kubeconfig reaches the control plane. */
export function controlPlaneUrl(serverIp: string): string {
  return `https://${serverIp}:${apiServerPort}`;
}
