import { joinCluster, sameCluster } from '../../clusters/registration/join.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient, memberClient } from '../clients.ts';
import { clusterNameArgument, validateClusterName } from '../cluster-name.ts';
import { defineCommand, karmadaFlags } from '../command.ts';
import { contextsIn, requireControlPlane } from '../control-plane-check.ts';

export const joinCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    'cluster-namespace': flag.string(
      'karmada-cluster',
      'Namespace in the control plane where member cluster secrets are stored.',
    ),
    'cluster-context': flag.string(
      '',
      "Name of the context in the member's kubeconfig; default is its current context.",
    ),
    'cluster-kubeconfig': flag.string('', 'Path of the cluster to join.'),
    'cluster-provider': flag.string('', 'Provider of the joining cluster.'),
    'cluster-region': flag.string('', 'The region of the joining cluster.'),
    'cluster-zones': flag.list([], 'The zones of the joining cluster.'),
    'karmada-as': flag.string('', 'Username to impersonate towards the control plane.'),
    'karmada-as-group': flag.list([], 'Group to impersonate towards the control plane; may be repeated.'),
    'karmada-as-uid': flag.string('', 'UID to impersonate towards the control plane.'),
    'dry-run': flag.bool(false, 'Check only, and say what would happen, without creating anything.'),
  },
  async run({ values, args, io, signal }) {
    const name = clusterNameArgument(args);
    validateClusterName(name);
    const namespace = values['cluster-namespace'];
    if (namespace === 'karmada-system') {
      io.stderr(
        'warning: karmada-system is always reserved for Karmada control plane. We do not recommend using karmada-system to store secrets of member clusters.\n',
      );
    }
    const impersonate = values['karmada-as']
      ? { user: values['karmada-as'], groups: values['karmada-as-group'], uid: values['karmada-as-uid'] || undefined }
      : undefined;
    const controlPlane = controlPlaneClient(values, impersonate);
    const member = memberClient(
      values['cluster-kubeconfig'],
      values['cluster-context'],
      'failed to get joining cluster config',
    );
    await requireControlPlane(controlPlane, values, signal);
    if (await sameCluster(controlPlane.client, member.client, signal))
      throw new Error(
        `the context ${JSON.stringify(member.context)} is the control plane itself, which cannot be a member of its own. Choose the member with --cluster-kubeconfig and --cluster-context${contextsIn(values['cluster-kubeconfig'])}`,
      );
    const { server, insecure, proxyUrl } = member.connection;
    await joinCluster({
      clusterName: name,
      clusterNamespace: namespace,
      controlPlane: controlPlane.client,
      member: member.client,
      endpoint: { server, insecure, proxyUrl },
      provider: values['cluster-provider'],
      region: values['cluster-region'],
      zones: values['cluster-zones'],
      dryRun: values['dry-run'],
      signal,
    });
    if (values['dry-run'])
      io.stderr(`cluster(${name}) can be joined: ${server} is reachable and not registered (dry run)\n`);
    else io.stdout(`cluster(${name}) is joined successfully\n`);
  },
});
