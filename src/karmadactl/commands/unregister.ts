/** `unregister`: takes a pull cluster out of the control plane, and the agent out of the cluster. */
import { systemClock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { cascadeOrphan } from '../../apis/constants.ts';
import { clusters } from '../../apis/resource-types.ts';
import { type Client, createClient } from '../../client/client.ts';
import { createTransport } from '../../client/http-transport.ts';
import { parseKubeconfig } from '../../client/kubeconfig/kubeconfig.ts';
import { parseYaml } from '../../client/kubeconfig/load.ts';
import { selectContext } from '../../client/kubeconfig/select.ts';
import { agentRights, deleteAgentRights } from '../../clusters/agent/agent-rights.ts';
import { agentKubeconfigSecret } from '../../clusters/agent/certificate-rotation.ts';
import { agentAccount, agentName } from '../../clusters/agent/member-objects.ts';
import { formatDuration } from '../../component/duration.ts';
import { flag } from '../../component/flags.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  deployments,
  leases,
  namespaces,
  secrets,
  serviceAccounts,
} from '../../kubernetes/resource-types.ts';
import type { Deployment, Secret } from '../../kubernetes/types.ts';
import { clientOptions, controlPlaneClient, memberClient } from '../clients.ts';
import { validateClusterName } from '../cluster-name.ts';
import { type CommandIo, defineCommand } from '../command.ts';
import { requireControlPlane } from '../control-plane-check.ts';
import { clusterHeld } from '../held-cluster.ts';
import { accountObjects, deleteIfPresent, type MemberObject, whyNamespaceStays } from '../member-clean-up.ts';
import { announceOrphan, cascadeFlag, finishOrphan, listOf, objectsIn } from '../orphan.ts';

export const unregisterCommand = defineCommand({
  flags: {
    'cluster-kubeconfig': flag.string('', 'Path of the kubeconfig of the member cluster. Required.'),
    'cluster-context': flag.string('', 'Context of the kubeconfig of the member cluster.'),
    'karmada-config': flag.string('', 'Path of the kubeconfig of the control plane; default is the one of the agent.'),
    'karmada-context': flag.string('', 'Context of the kubeconfig of the control plane.'),
    namespace: flag.string('karmada-system', 'Namespace of the agent in the member cluster.', { shorthand: 'n' }),
    'agent-name': flag.string(agentName, 'Deployment of the agent.'),
    'cluster-namespace': flag.string('karmada-cluster', 'Namespace where the Secrets of clusters are.'),
    cascade: cascadeFlag,
    wait: flag.duration(60_000, 'How long to wait for the cluster to be gone.'),
    'dry-run': flag.bool(false, 'Check only, without deleting anything.'),
  },
  async run({ values, args, io, signal }) {
    const [name = ''] = args;
    if (args.length > 1) throw new Error('only the cluster name is allowed as an argument');
    validateClusterName(name);
    const { wait, namespace } = values;
    const clusterNamespace = values['cluster-namespace'];
    if (wait <= 0) throw new Error(` --wait ${formatDuration(wait)}  must be a positive duration, e.g. 1m0s `);
    if (values['cluster-kubeconfig'] === '')
      throw new Error(
        '--cluster-kubeconfig is required to specify KUBECONFIG file path to access unregistering member cluster',
      );
    const { client: member } = memberClient(
      values['cluster-kubeconfig'],
      values['cluster-context'],
      'failed to get unregistering cluster config',
    );
    const own = values['karmada-config'] !== '';
    const orphan = values.cascade === cascadeOrphan;
    if (orphan && !own)
      throw new Error('--cascade=orphan needs --karmada-config: the agent may not change its Cluster');
    const controlPlane = own
      ? await givenControlPlane(values['karmada-config'], values['karmada-context'], signal)
      : await agentsControlPlane(member, namespace, values['agent-name'], values['karmada-context'], signal);

    const registered = await requirePullCluster(
      controlPlane,
      name,
      () => agentOf(member, name, namespace, values['agent-name'], signal),
      signal,
    );
    const objects = orphan && registered ? await objectsIn(controlPlane, name, signal) : [];
    if (values['dry-run']) {
      io.stderr(`cluster(${name}) would be unregistered (dry run)\n`);
      if (orphan) io.stderr(`${objects.length} objects would stay in it\n${listOf(objects)}`);
      return;
    }
    const deadline = systemClock.now() + wait;
    if (orphan && registered) await announceOrphan(controlPlane, name, deadline, signal);
    // Its Works go with it, while the agent is still there to take out of the member what they brought. Deleted before, they
    // would be made again.
    await ignoreAbsent(controlPlane.resource(clusters).delete({ name }, { signal }));
    const gone = await untilGone(() => controlPlane.resource(clusters).get({ name }, { signal }), deadline, signal);
    if (!gone) throw await clusterHeld(controlPlane, name, 'Its removal goes on: run the command again.', signal);
    if (orphan) await finishOrphan({ name, member, objects, ready: true, io, signal });
    if (own)
      await deleteAgentRights(
        controlPlane,
        name,
        clusterNamespace,
        (what, why) => io.stderr(`warning: failed to delete ${what}: ${why.message}\n`),
        signal,
      );
    else
      io.stderr(
        `warning: these are left in the control plane, delete them there: ${agentRights(name, clusterNamespace)
          .map(({ type, object }) => `${type.kind} ${object.metadata.name}`)
          .join(', ')}\n`,
      );
    await cleanMember(controlPlane, member, name, namespace, values['agent-name'], clusterNamespace, io, signal);
    // An agent without rights could not give it up: the next one of this name would wait for it to run out.
    if (own) await deleteIfPresent(controlPlane, [leases, { namespace, name: `karmada-agent-${name}` }], signal);
  },
});

async function givenControlPlane(kubeconfig: string, context: string, signal: AbortSignal): Promise<Client> {
  const flags = { kubeconfig, 'karmada-context': context };
  const connected = controlPlaneClient(flags);
  await requireControlPlane(connected, flags, signal);
  return connected.client;
}

/** By the kubeconfig that the agent's Deployment mounts. */
async function agentsControlPlane(
  member: Client,
  namespace: string,
  name: string,
  context: string,
  signal: AbortSignal,
): Promise<Client> {
  const deployment = await member.resource<Deployment>(deployments).get({ namespace, name }, { signal });
  const spec = deployment.spec?.template.spec;
  const container = spec?.containers[0];
  const words = [...(container?.command ?? []), ...(container?.args ?? [])];
  const optionOf = (option: string): string | undefined =>
    words.find((word) => word.startsWith(`--${option}=`))?.slice(option.length + 3);
  const path = optionOf('karmada-kubeconfig');
  const mount = container?.volumeMounts?.find(({ mountPath }) => path?.startsWith(`${mountPath}/`));
  const secretName = spec?.volumes?.find((volume) => volume.name === mount?.name)?.secret?.secretName;
  if (path === undefined || mount === undefined || secretName === undefined)
    throw new Error(
      `the Deployment ${namespace}/${name} does not say where its kubeconfig comes from: give --karmada-config`,
    );
  const secret = await member.resource<Secret>(secrets).get({ namespace, name: secretName }, { signal });
  const text = Buffer.from(secret.data?.[path.slice(mount.mountPath.length + 1)] ?? '', 'base64').toString();
  const where = `Secret ${namespace}/${secretName}`;
  const config = parseKubeconfig(parseYaml(text, where), where);
  const { connection } = selectContext(config, { context: context || optionOf('karmada-context') });
  return createClient(createTransport(connection, clientOptions));
}

/** Whether the member still runs the agent of that cluster: an unregister that gave up waiting left it. */
async function agentOf(
  member: Client,
  cluster: string,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { spec } = await member.resource<Deployment>(deployments).get({ namespace, name }, { signal });
    const [container] = spec?.template.spec?.containers ?? [];
    return [...(container?.command ?? []), ...(container?.args ?? [])].includes(`--cluster-name=${cluster}`);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** False when it is gone from the control plane and something of it is left in the member. */
async function requirePullCluster(
  client: Client,
  name: string,
  isLeft: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  let cluster: Cluster;
  try {
    cluster = await client.resource<Cluster>(clusters).get({ name }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (await isLeft()) return false;
    throw new Error(`no cluster object ${name} found in karmada control Plane`, { cause: error });
  }
  if (cluster.spec.syncMode === 'Push')
    throw new Error(
      `cluster ${name} is a Push mode member cluster, please use command \`unjoin\` if you want to continue unjoining the cluster`,
    );
  return true;
}

async function untilGone(read: () => Promise<unknown>, deadline: number, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    try {
      await read();
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
    if (systemClock.now() > deadline) return false;
    await systemClock.sleep(500, signal);
  }
}

async function cleanMember(
  controlPlane: Client,
  member: Client,
  cluster: string,
  namespace: string,
  agent: string,
  clusterNamespace: string,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  await deleteIfPresent(member, [deployments, { namespace, name: agent }], signal);
  for (const object of accountObjects(cluster, clusterNamespace)) await deleteIfPresent(member, object, signal);
  await ignoreAbsent(
    (async () => {
      const why = await whyNamespaceStays(controlPlane, member, clusterNamespace, signal);
      if (why === undefined) await deleteIfPresent(member, [namespaces, { name: clusterNamespace }], signal);
      else io.stderr(`Left the namespace ${clusterNamespace} in the member: ${why}\n`);
    })(),
  );
  const rest: MemberObject[] = [
    [serviceAccounts, { namespace, name: agentAccount }],
    [clusterRoles, { name: agentName }],
    [clusterRoleBindings, { name: agentName }],
    [secrets, { namespace, name: agentKubeconfigSecret }],
  ];
  for (const object of rest) await deleteIfPresent(member, object, signal);
}

async function ignoreAbsent(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
