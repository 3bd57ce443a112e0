/** `register`: makes the cluster of a kubeconfig a pull cluster, with a bootstrap token of the control plane. */
import { systemClock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import { type Client, createClient } from '../../client/client.ts';
import type { Connection } from '../../client/connection.ts';
import { createTransport } from '../../client/http-transport.ts';
import { loadKubeconfig } from '../../client/kubeconfig/load.ts';
import { agentGroup, agentUser, rbacGeneratorUser } from '../../clusters/agent/agent-identity.ts';
import { createAgentRights, deleteAgentRights } from '../../clusters/agent/agent-rights.ts';
import { agentKubeconfigSecret } from '../../clusters/agent/certificate-rotation.ts';
import { discoverAuthority } from '../../clusters/agent/discover-control-plane.ts';
import {
  type AgentInstallation,
  agentAccount,
  agentAccountObjects,
  agentDeployment,
  agentName,
} from '../../clusters/agent/member-objects.ts';
import { requestCertificate } from '../../clusters/agent/request-certificate.ts';
import { createIfAbsent } from '../../clusters/registration/join.ts';
import type { KeyPair } from '../../component/certificates.ts';
import { flag } from '../../component/flags.ts';
import {
  certificateSigningRequests,
  deployments,
  namespaces,
  secrets,
  serviceAccounts,
} from '../../kubernetes/resource-types.ts';
import type { Deployment } from '../../kubernetes/types.ts';
import { clientOptions, memberClient } from '../clients.ts';
import { validateClusterName } from '../cluster-name.ts';
import { type CommandIo, defineCommand, type Invocation } from '../command.ts';
import { formatYaml } from '../printing/yaml.ts';

const flags = {
  kubeconfig: flag.string('', 'Path to the kubeconfig file of the member cluster.'),
  context: flag.string('', 'Name of the context in the kubeconfig of the member cluster.'),
  namespace: flag.string('karmada-system', 'Namespace of the agent in the member cluster.', { shorthand: 'n' }),
  'cluster-name': flag.string('', "Name of the member cluster; default is the cluster of the kubeconfig's context."),
  'cluster-namespace': flag.string(
    'karmada-cluster',
    'Namespace in the control plane where member cluster secrets are stored.',
  ),
  'cluster-provider': flag.string('', 'Provider of the joining cluster.'),
  'cluster-region': flag.string('', 'The region of the joining cluster.'),
  'cluster-zones': flag.list([], 'The zones of the joining cluster.'),
  'enable-cert-rotation': flag.bool(false, 'Let the agent renew its certificate before it runs out.'),
  token: flag.string('', "The bootstrap token, as of 'karmadactl token create'. Required."),
  'discovery-token-ca-cert-hash': flag.list(
    [],
    "The authority's public key must have this hash: sha256:<hex>. May be given several times.",
  ),
  'discovery-token-unsafe-skip-ca-verification': flag.bool(
    false,
    'Trust the authority that the token alone vouches for.',
  ),
  'discovery-timeout': flag.duration(
    300_000,
    'How long each wait may take: for discovery, certificates and the agent.',
  ),
  'karmada-agent-image': flag.string('docker.io/karmada/karmada-agent:v1.19.0', 'Image of the agent.'),
  'karmada-agent-replicas': flag.int(1, 'Replicas of the agent; one of them works.'),
  'cert-expiration-seconds': flag.int(31_536_000, "Life of the agent's certificate, in seconds."),
  'proxy-server-address': flag.string('', 'Proxy through which the control plane reaches the cluster.'),
  'dry-run': flag.bool(false, 'Stop after the checks.'),
};

type Values = Invocation<typeof flags>['values'];

export const registerCommand = defineCommand({
  flags,
  async run({ values, args, io, signal }) {
    const [endpoint] = args;
    if (args.length !== 1 || endpoint === undefined) throw new Error(`accepts 1 arg(s), received ${args.length}`);
    const member = memberClient(values.kubeconfig, values.context, 'failed to get member cluster config');
    if (values.token === '') throw new Error('token is required');
    const hashes = values['discovery-token-ca-cert-hash'];
    if (hashes.length === 0 && !values['discovery-token-unsafe-skip-ca-verification'])
      throw new Error('need to verify CACertHashes, or set --discovery-token-unsafe-skip-ca-verification=true');
    const name = values['cluster-name'] || clusterOfContext(values);
    validateClusterName(name);

    if (!(await passesPreflight(member.client, values.namespace, io, signal)) || values['dry-run']) return;

    io.stdout('[karmada-agent-start] Waiting to perform the TLS Bootstrap\n');
    const ca = await discoverAuthority({
      endpoint,
      token: values.token,
      caCertHashes: hashes,
      timeoutMs: values['discovery-timeout'],
      signal,
      userAgent: clientOptions.userAgent,
    });
    const server = { server: `https://${endpoint}`, ca };
    const bearer = clientOf({ ...server, token: values.token });
    const order = { organizations: [agentGroup], timeoutMs: values['discovery-timeout'], signal };
    const generated = await requestCertificate(bearer, {
      ...order,
      namePrefix: `agent-rbac-generator-${name}`,
      commonName: rbacGeneratorUser,
    });
    const generator = clientOf({ ...server, clientCertificate: generated });
    const registration = { endpoint, ca, name, order, values, memberUrl: member.connection.server };
    try {
      await generator.resource(certificateSigningRequests).delete({ name: generated.requestName }, { signal });
      // Before anything is made: a cluster that has this name keeps the rights of its agent.
      await refuseRegistered(generator, name, io, signal);
    } catch (error) {
      await Promise.all([bearer.close(), generator.close()]);
      throw error;
    }
    try {
      await install(generator, member.client, registration, io, signal);
    } catch (error) {
      io.stdout('karmadactl register failed and started deleting the created resources\n');
      await deleteAgentRights(
        generator,
        name,
        values['cluster-namespace'],
        (what, why) => io.stderr(`warning: failed to delete ${what}: ${why.message}\n`),
        // The clean-up is done although the command was interrupted.
        AbortSignal.timeout(30_000),
      );
      throw error;
    } finally {
      await Promise.all([bearer.close(), generator.close()]);
    }
    io.stdout(`\ncluster(${name}) is joined successfully\n`);
  },
});

const clientOf = (connection: Connection): Client => createClient(createTransport(connection, clientOptions));

function clusterOfContext({ kubeconfig, context }: Values): string {
  const config = loadKubeconfig(kubeconfig);
  const selected = context || config['current-context'];
  return config.contexts.find(({ name }) => name === selected)?.context.cluster ?? '';
}

interface Registration {
  endpoint: string;
  ca: string;
  name: string;
  order: { organizations: string[]; timeoutMs: number; signal: AbortSignal };
  values: Values;
  memberUrl: string;
}

async function refuseRegistered(generator: Client, name: string, io: CommandIo, signal: AbortSignal): Promise<void> {
  io.stdout('[karmada-agent-start] Waiting to check cluster exists\n');
  if (await exists(() => generator.resource<Cluster>(clusters).get({ name }, { signal })))
    throw new Error(`failed to register as cluster with name ${name} already exists`);
}

async function install(
  generator: Client,
  member: Client,
  { endpoint, ca, name, order, values, memberUrl }: Registration,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  io.stdout('[karmada-agent-start] Assign the necessary RBAC permissions to the agent\n');
  await createAgentRights(generator, name, values['cluster-namespace'], signal);
  io.stdout('[karmada-agent-start] Waiting to construct karmada-agent kubeconfig\n');
  const certificate = await requestCertificate(generator, {
    ...order,
    namePrefix: `${name}-`,
    commonName: agentUser(name),
    expirationSeconds: values['cert-expiration-seconds'],
  });
  const installation: AgentInstallation = {
    namespace: values.namespace,
    clusterName: name,
    clusterNamespace: values['cluster-namespace'],
    apiEndpoint: memberUrl,
    provider: values['cluster-provider'],
    region: values['cluster-region'],
    zones: values['cluster-zones'],
    proxyServerAddress: values['proxy-server-address'],
    certificateRotation: values['enable-cert-rotation'],
    image: values['karmada-agent-image'],
    replicas: values['karmada-agent-replicas'],
    kubeconfig: agentKubeconfig(name, endpoint, ca, certificate),
  };
  io.stdout('[karmada-agent-start] Waiting the necessary secret and RBAC\n');
  for (const { type, object } of agentAccountObjects(installation)) await createIfAbsent(member, type, object, signal);
  io.stdout('[karmada-agent-start] Waiting karmada-agent Deployment\n');
  await member.resource<Deployment>(deployments).create(agentDeployment(installation), { signal });
  await rolledOut(member, values.namespace, values['discovery-timeout'], signal);
}

function agentKubeconfig(cluster: string, endpoint: string, ca: string, { cert, key }: KeyPair): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const user = agentUser(cluster);
  return formatYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'karmada-apiserver',
        cluster: { server: `https://${endpoint}`, 'certificate-authority-data': base64(ca) },
      },
    ],
    users: [{ name: cluster, user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } }],
    contexts: [{ name: `${user}@karmada-apiserver`, context: { cluster: 'karmada-apiserver', user: cluster } }],
    'current-context': `${user}@karmada-apiserver`,
  });
}

/** What would be overwritten must not be there. Problems are told, and the command ends well, as upstream's. */
async function passesPreflight(
  member: Client,
  namespace: string,
  io: CommandIo,
  signal: AbortSignal,
): Promise<boolean> {
  io.stdout('[preflight] Running pre-flight checks\n');
  const problems: string[] = [];
  // A member that cannot be asked passes: what comes next says why it cannot.
  if (await exists(() => member.resource(namespaces).get({ name: namespace }, { signal })).catch(() => false)) {
    for (const [type, name] of [
      [secrets, agentKubeconfigSecret],
      [serviceAccounts, agentAccount],
      [deployments, agentName],
    ] as const)
      if (await exists(() => member.resource(type).get({ namespace, name }, { signal })))
        problems.push(`${namespace}/${name} ${type.kind} already exists`);
  }
  if (problems.length === 0) {
    io.stdout('[preflight] All pre-flight checks were passed\n');
    return true;
  }
  io.stdout('error execution phase preflight: [preflight] Some fatal errors occurred:\n');
  for (const problem of problems) io.stdout(`\t[ERROR]: ${problem}\n`);
  io.stdout('\n[preflight] Please check the above errors\n');
  return false;
}

async function exists(read: () => Promise<unknown>): Promise<boolean> {
  try {
    await read();
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function rolledOut(member: Client, namespace: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = systemClock.now() + timeoutMs;
  for (;;) {
    const {
      metadata,
      spec,
      status = {},
    } = await member.resource<Deployment>(deployments).get({ namespace, name: agentName }, { signal });
    const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
    const done =
      observedGeneration >= (metadata.generation ?? 0) &&
      updatedReplicas >= (spec?.replicas ?? 1) &&
      availableReplicas >= updatedReplicas;
    if (done) return;
    if (systemClock.now() > deadline)
      throw new Error(
        `timed out waiting for the Deployment ${namespace}/${agentName}: see 'kubectl describe pods -n ${namespace} -l app=${agentName}' in the member`,
      );
    await systemClock.sleep(500, signal);
  }
}
