import { type CommandEntry, loaded } from '../command.ts';

export const advancedCommands: readonly CommandEntry[] = [
  {
    name: 'apply',
    group: 'Advanced Commands',
    short: 'Apply a configuration to a resource by file name or stdin and propagate them into member clusters',
    usage: 'apply -f FILENAME [flags]',
    examples: `
# Apply without propagation
karmadactl apply -f manifest.yaml

# Apply, and propagate to all clusters
karmadactl apply -f manifest.yaml --all-clusters

# Apply, and propagate to two clusters
karmadactl apply -f manifest.yaml --cluster member1,member2`,
    load: async () => loaded((await import('../commands/apply.ts')).applyCommand),
  },
  {
    name: 'promote',
    group: 'Advanced Commands',
    short: 'Promote resources from legacy clusters to Karmada control plane',
    usage: 'promote <RESOURCE_TYPE> <RESOURCE_NAME> -n <NAME_SPACE> -C <CLUSTER_NAME> [flags]',
    examples: `
# Promote deployment nginx of namespace default in cluster1; it goes on running there untouched
karmadactl promote deployment nginx -n default -C cluster1

# Promote it together with what it depends on
karmadactl promote deployment nginx -n default -C cluster1 -d

# Print the template and the policy, and create nothing
karmadactl promote deployment nginx -n default -C cluster1 -o yaml

# Have the servers check everything without writing
karmadactl promote deployment nginx -n default -C cluster1 --dry-run

# Reach the cluster by a kubeconfig instead of through the control plane
karmadactl promote deployment nginx -n default -C cluster1 --cluster-kubeconfig=<CLUSTER_KUBECONFIG_PATH>

# Promote without a policy
karmadactl promote deployment nginx -n default -C cluster1 --auto-create-policy=false`,
    load: async () => loaded((await import('../commands/promote.ts')).promoteCommand),
  },
  {
    name: 'top',
    group: 'Advanced Commands',
    short: 'Display resource (CPU/memory) usage of member clusters',
    usage: 'top [command]',
    examples: `
# Usage of the pods of all member clusters
karmadactl top pods

# Usage of the nodes of all member clusters
karmadactl top nodes`,
    children: [
      {
        name: 'node',
        aliases: ['nodes', 'no'],
        short: 'Display resource (CPU/memory) usage of nodes',
        usage: 'top node [NAME | -l label] [flags]',
        examples: `
# Show metrics for all nodes of all member clusters
karmadactl top node

# Show metrics for the nodes of two clusters, the busiest first
karmadactl top node --clusters=member1,member2 --sort-by=cpu`,
        load: async () => loaded((await import('../commands/top.ts')).topNodeCommand),
      },
      {
        name: 'pod',
        aliases: ['pods', 'po'],
        short: 'Display resource (CPU/memory) usage of pods of member clusters',
        usage: 'top pod [NAME | -l label] [flags]',
        examples: `
# Show metrics for all pods of the default namespace
karmadactl top pod

# Show metrics for all pods of namespace kube-system in cluster member1
karmadactl top pod --namespace=kube-system -C member1

# Show metrics for a pod and its containers
karmadactl top pod POD_NAME --containers

# Show metrics for the pods defined by a label, and their sum
karmadactl top pod -l name=myLabel --sum`,
        load: async () => loaded((await import('../commands/top.ts')).topPodCommand),
      },
    ],
  },
  {
    name: 'patch',
    group: 'Advanced Commands',
    short: 'Update fields of a resource',
    usage: 'patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE] [flags]',
    examples: `
# Change the priority of a policy
karmadactl patch propagationpolicy nginx --type merge -p '{"spec":{"priority":10}}'

# Change one field by its path
karmadactl patch deployment nginx --type json -p '[{"op":"replace","path":"/spec/replicas","value":3}]'`,
    load: async () => loaded((await import('../commands/patch.ts')).patchCommand),
  },
];
