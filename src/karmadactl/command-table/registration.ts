import { type CommandEntry, loaded } from '../command.ts';

export const registrationCommands: readonly CommandEntry[] = [
  {
    name: 'init',
    group: 'Cluster Registration Commands',
    short: 'Install the Karmada control plane in a Kubernetes cluster (needs container images: not in this release)',
    usage: 'init',
    examples: `
# Says what to use instead
karmadactl init`,
    load: async () => loaded((await import('../commands/needs-images.ts')).initCommand),
  },
  {
    name: 'deinit',
    group: 'Cluster Registration Commands',
    short: 'Remove the Karmada control plane from the Kubernetes cluster (needs container images: not in this release)',
    usage: 'deinit',
    examples: `
# Says what to use instead
karmadactl deinit`,
    load: async () => loaded((await import('../commands/needs-images.ts')).deinitCommand),
  },
  {
    name: 'addons',
    group: 'Cluster Registration Commands',
    short: 'Enable or disable a Karmada addon (needs container images: not in this release)',
    usage: 'addons',
    examples: `
# Says what to use instead
karmadactl addons`,
    load: async () => loaded((await import('../commands/needs-images.ts')).addonsCommand),
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
    load: async () => loaded((await import('../commands/join.ts')).joinCommand),
  },
  {
    name: 'unjoin',
    group: 'Cluster Registration Commands',
    short: 'Remove a cluster from the Karmada control plane',
    usage: 'unjoin CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> [flags]',
    examples: `
# Unjoin cluster from the karmada control plane; what policies brought there is deleted, the accounts of joining stay
karmadactl unjoin CLUSTER_NAME

# Unjoin cluster and remove what joining it created there
karmadactl unjoin CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> --cluster-context=<CONTEXT>

# Unjoin cluster and leave everything running in it, without the labels and annotations of Karmada
karmadactl unjoin CLUSTER_NAME --cascade=orphan --cluster-kubeconfig=<KUBECONFIG> --cluster-context=<CONTEXT>

# Wait up to five minutes
karmadactl unjoin CLUSTER_NAME --wait 5m`,
    load: async () => loaded((await import('../commands/unjoin.ts')).unjoinCommand),
  },
  {
    name: 'token',
    group: 'Cluster Registration Commands',
    short: 'Manage bootstrap tokens',
    usage: 'token [command]',
    examples: `
# Create a bootstrap token that is good for a day
karmadactl token create

# List all bootstrap tokens
karmadactl token list`,
    lenient: true,
    children: [
      {
        name: 'create',
        short: 'Create bootstrap tokens on the server',
        usage: 'token create [flags]',
        examples: `
# A token that is good for a day
karmadactl token create

# Print the command that registers a cluster with it
karmadactl token create --print-register-command`,
        load: async () => loaded((await import('../commands/token.ts')).tokenCreateCommand),
      },
      {
        name: 'list',
        short: 'List bootstrap tokens on the server',
        usage: 'token list [flags]',
        examples: `
# All bootstrap tokens, with what they are good for and until when
karmadactl token list`,
        load: async () => loaded((await import('../commands/token.ts')).tokenListCommand),
      },
      {
        name: 'delete',
        short: 'Delete bootstrap tokens on the server',
        usage: 'token delete [token-value] ... [flags]',
        examples: `
# By the id
karmadactl token delete abcdef

# By the whole token
karmadactl token delete abcdef.0123456789abcdef`,
        load: async () => loaded((await import('../commands/token.ts')).tokenDeleteCommand),
      },
    ],
  },
  {
    name: 'register',
    group: 'Cluster Registration Commands',
    short: 'Register a cluster to the Karmada control plane with Pull mode',
    usage: 'register [karmada-apiserver-endpoint] [flags]',
    examples: `
# Register the cluster of the kubeconfig: karmadactl token create --print-register-command prints this command
karmadactl register [karmada-apiserver-endpoint] --cluster-name=<CLUSTER_NAME> --token=<TOKEN> --discovery-token-ca-cert-hash=<CA-CERT-HASH>

# Trust whoever knows the token
karmadactl register [karmada-apiserver-endpoint] --token=<TOKEN> --discovery-token-unsafe-skip-ca-verification=true --cluster-name=<CLUSTER_NAME>`,
    load: async () => loaded((await import('../commands/register.ts')).registerCommand),
  },
  {
    name: 'unregister',
    group: 'Cluster Registration Commands',
    short: 'Remove a pull mode cluster from the Karmada control plane',
    usage: 'unregister CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> [flags]',
    examples: `
# Unregister a cluster; the control plane is found by the kubeconfig of the agent
karmadactl unregister CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG>

# With a kubeconfig for the control plane: the rights of the agent are removed there, too
karmadactl unregister CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> --karmada-config=<KARMADA_CONFIG>`,
    load: async () => loaded((await import('../commands/unregister.ts')).unregisterCommand),
  },
];
