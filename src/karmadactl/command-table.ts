/** Every command: what help says of it, and where its body is. */
import type { FlagTable } from '../component/flags.ts';
import type { CommandBody, CommandEntry } from './command.ts';

const body = <F extends FlagTable>(command: CommandBody<F>): CommandBody<FlagTable> =>
  command as unknown as CommandBody<FlagTable>;

export const commandTable: readonly CommandEntry[] = [
  {
    name: 'get',
    group: 'Basic Commands',
    short: 'Display one or many resources of the control plane',
    usage: 'get [NAME | -l label | -n namespace] [flags]',
    examples: `
# List all clusters
karmadactl get clusters

# List all deployments of the namespace foo, with more columns
karmadactl get deployments -n foo -o wide

# List one propagation policy as YAML
karmadactl get propagationpolicy nginx -o yaml`,
    load: async () => body((await import('./commands/get.ts')).getCommand),
  },
  {
    name: 'join',
    group: 'Cluster Registration Commands',
    short: 'Register a cluster to the Karmada control plane with Push mode',
    usage: 'join CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> [flags]',
    examples: `
# Join cluster into the karmada control plane, using the current context of its kubeconfig
karmadactl join CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG>

# Join cluster with a context of its kubeconfig
karmadactl join CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> --cluster-context=<CONTEXT>

# Specify where the cluster is
karmadactl join CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> --cluster-provider=aws --cluster-region=us-east-1 --cluster-zones=a,b`,
    load: async () => body((await import('./commands/join.ts')).joinCommand),
  },
  {
    name: 'unjoin',
    group: 'Cluster Registration Commands',
    short: 'Remove a cluster from the Karmada control plane',
    usage: 'unjoin CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> [flags]',
    examples: `
# Unjoin cluster from the karmada control plane, but leave the resources created by karmada in the unjoining cluster
karmadactl unjoin CLUSTER_NAME

# Unjoin cluster and remove what joining it created there
karmadactl unjoin CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> --cluster-context=<CONTEXT>

# Wait up to five minutes
karmadactl unjoin CLUSTER_NAME --wait 5m`,
    load: async () => body((await import('./commands/unjoin.ts')).unjoinCommand),
  },
  {
    name: 'version',
    group: 'Other Commands',
    short: 'Print the version information',
    usage: 'version',
    examples: `
# Print the version of this client
karmadactl version`,
    load: async () => body((await import('./commands/version.ts')).versionCommand),
  },
];
