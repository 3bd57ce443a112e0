/** Every command: what help says of it, and where its body is. */
import type { FlagTable } from '../component/flags.ts';
import type { CommandBody, CommandEntry } from './command.ts';
import { createTable } from './create/create-table.ts';

const body = <F extends FlagTable>(command: CommandBody<F>): CommandBody<FlagTable> =>
  command as unknown as CommandBody<FlagTable>;

export const commandTable: readonly CommandEntry[] = [
  {
    name: 'explain',
    group: 'Basic Commands',
    short: 'Get documentation for a resource',
    usage: 'explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [flags]',
    examples: `
# The documentation of the resource and its fields
karmadactl explain propagationpolicies

# Of one field, and all fields below it
karmadactl explain deployments.spec --recursive

# As cluster member1 has it
karmadactl explain pods --operation-scope=members --cluster=member1`,
    load: async () => body((await import('./commands/explain.ts')).explainCommand),
  },
  {
    name: 'get',
    group: 'Basic Commands',
    short: 'Display one or many resources in Karmada control plane and member clusters',
    usage: 'get [NAME | -l label | -n namespace] [flags]',
    examples: `
# List all clusters
karmadactl get clusters

# List all deployments of the namespace foo, with more columns
karmadactl get deployments -n foo -o wide

# List one propagation policy as YAML
karmadactl get propagationpolicy nginx -o yaml

# List all pods in all member clusters
karmadactl get pods -A --operation-scope=members

# List deployments in the control plane and in two clusters, and follow their changes
karmadactl get deployments -s all -C member1,member2 -w`,
    load: async () => body((await import('./commands/get.ts')).getCommand),
  },
  {
    name: 'create',
    group: 'Basic Commands',
    short: 'Create a resource from a file or from stdin',
    usage: 'create -f FILENAME [flags]',
    examples: `
# Create what a file describes
karmadactl create -f ./pod.json

# Create what is passed into stdin
cat pod.json | karmadactl create -f -

# Change it in an editor first
karmadactl create -f ./pod.json --edit -o json`,
    children: createTable,
    load: async () => body((await import('./commands/create.ts')).createCommand),
  },
  {
    name: 'delete',
    group: 'Basic Commands',
    short: 'Delete resources by file names, stdin, resources and names, or by resources and label selector',
    usage: 'delete ([-f FILENAME] | TYPE [(NAME | -l label | --all)]) [flags]',
    examples: `
# Delete what a file describes
karmadactl delete -f ./propagationpolicy.yaml

# Delete a propagation policy by name
karmadactl delete propagationpolicy nginx -n default

# Delete all deployments with a label
karmadactl delete deployments -l app=web`,
    load: async () => body((await import('./commands/delete.ts')).deleteCommand),
  },
  {
    name: 'edit',
    group: 'Basic Commands',
    short: 'Edit a resource on the server',
    usage: 'edit (RESOURCE/NAME | -f FILENAME) [flags]',
    examples: `
# Edit a propagation policy in the editor of $KUBE_EDITOR or $EDITOR
karmadactl edit propagationpolicy nginx

# With an editor of your choice
KUBE_EDITOR="nano" karmadactl edit deployment/nginx

# As JSON
karmadactl edit deployment nginx -o json`,
    load: async () => body((await import('./commands/edit.ts')).editCommand),
  },
  {
    name: 'init',
    group: 'Cluster Registration Commands',
    short: 'Install the Karmada control plane in a Kubernetes cluster (needs container images: not in this release)',
    usage: 'init',
    examples: `
# Says what to use instead
karmadactl init`,
    load: async () => body((await import('./commands/needs-images.ts')).initCommand),
  },
  {
    name: 'deinit',
    group: 'Cluster Registration Commands',
    short: 'Remove the Karmada control plane from the Kubernetes cluster (needs container images: not in this release)',
    usage: 'deinit',
    examples: `
# Says what to use instead
karmadactl deinit`,
    load: async () => body((await import('./commands/needs-images.ts')).deinitCommand),
  },
  {
    name: 'addons',
    group: 'Cluster Registration Commands',
    short: 'Enable or disable a Karmada addon (needs container images: not in this release)',
    usage: 'addons',
    examples: `
# Says what to use instead
karmadactl addons`,
    load: async () => body((await import('./commands/needs-images.ts')).addonsCommand),
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
# Unjoin cluster from the karmada control plane; what policies brought there is deleted, the accounts of joining stay
karmadactl unjoin CLUSTER_NAME

# Unjoin cluster and remove what joining it created there
karmadactl unjoin CLUSTER_NAME --cluster-kubeconfig=<KUBECONFIG> --cluster-context=<CONTEXT>

# Unjoin cluster and leave everything running in it, without the labels and annotations of Karmada
karmadactl unjoin CLUSTER_NAME --cascade=orphan --cluster-kubeconfig=<KUBECONFIG> --cluster-context=<CONTEXT>

# Wait up to five minutes
karmadactl unjoin CLUSTER_NAME --wait 5m`,
    load: async () => body((await import('./commands/unjoin.ts')).unjoinCommand),
  },
  {
    name: 'token',
    group: 'Cluster Registration Commands',
    short: 'Manage bootstrap tokens',
    usage: 'token create|list|delete [flags]',
    examples: `
# Create a bootstrap token that is good for a day
karmadactl token create

# Create one and print the command that registers a cluster with it
karmadactl token create --print-register-command

# List all bootstrap tokens
karmadactl token list

# Delete a bootstrap token by its id
karmadactl token delete abcdef`,
    load: async () => body((await import('./commands/token.ts')).tokenCommand),
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
    load: async () => body((await import('./commands/register.ts')).registerCommand),
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
    load: async () => body((await import('./commands/unregister.ts')).unregisterCommand),
  },
  {
    name: 'cordon',
    group: 'Cluster Management Commands',
    short: 'Mark cluster as unschedulable',
    usage: 'cordon CLUSTER [flags]',
    examples: `
# Mark cluster as unschedulable
karmadactl cordon member1`,
    load: async () => body((await import('./commands/cordon.ts')).cordonCommand),
  },
  {
    name: 'uncordon',
    group: 'Cluster Management Commands',
    short: 'Mark cluster as schedulable',
    usage: 'uncordon CLUSTER [flags]',
    examples: `
# Mark cluster as schedulable
karmadactl uncordon member1`,
    load: async () => body((await import('./commands/cordon.ts')).uncordonCommand),
  },
  {
    name: 'taint',
    group: 'Cluster Management Commands',
    short: 'Update the taints on one or more clusters',
    usage: 'taint CLUSTER NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N [flags]',
    examples: `
# Taint a cluster; an existing taint of the same key and effect is replaced
karmadactl taint clusters foo dedicated=special-user:NoSchedule --overwrite

# Remove the taint with key dedicated and effect NoSchedule
karmadactl taint clusters foo dedicated:NoSchedule-

# Remove all taints with key dedicated
karmadactl taint clusters foo dedicated-`,
    load: async () => body((await import('./commands/taint.ts')).taintCommand),
  },
  {
    name: 'attach',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Attach to a running container',
    usage: 'attach (POD | TYPE/NAME) [-c CONTAINER] [flags]',
    examples: `
# See what a pod of a member cluster writes
karmadactl attach mypod --operation-scope=members --cluster=member1`,
    load: async () => body((await import('./commands/exec.ts')).attachCommand),
  },
  {
    name: 'logs',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Print the logs for a container in a pod in a cluster',
    usage: 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] (-C CLUSTER) [flags]',
    examples: `
# Print the logs of pod nginx in cluster member1
karmadactl logs nginx -C=member1

# Follow the logs of one container
karmadactl logs -f nginx -c web -C=member1

# The last 20 lines of all pods with a label
karmadactl logs -l app=nginx --tail=20 -C=member1`,
    load: async () => body((await import('./commands/logs.ts')).logsCommand),
  },
  {
    name: 'exec',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Execute a command in a container in a cluster',
    usage: 'exec (POD | TYPE/NAME) [-c CONTAINER] (--cluster CLUSTER) -- COMMAND [args...] [flags]',
    examples: `
# Run date in pod mypod of cluster member1
karmadactl exec mypod --operation-scope=members --cluster=member1 -- date

# A shell at the terminal
karmadactl exec mypod -i -t --operation-scope=members --cluster=member1 -- sh`,
    load: async () => body((await import('./commands/exec.ts')).execCommand),
  },
  {
    name: 'describe',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Show details of a specific resource or group of resources in Karmada control plane or a member cluster',
    usage: 'describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME) (-C CLUSTER) [flags]',
    examples: `
# Describe a deployment of the control plane
karmadactl describe deployment/nginx

# Describe a pod of cluster member1
karmadactl describe pods nginx --operation-scope=members --cluster=member1`,
    load: async () => body((await import('./commands/describe.ts')).describeCommand),
  },
  {
    name: 'interpret',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Validate, test and edit interpreter customization before applying it to the control plane',
    usage: 'interpret (-f FILENAME) (--operation OPERATION) [--ARGS VALUE]... [flags]',
    examples: `
# Check the customizations in a file
karmadactl interpret -f customization.json --check

# Execute the retention rule
karmadactl interpret -f customization.yml --operation retain --desired-file desired.yml --observed-file observed.yml

# Execute the replicaResource rule
karmadactl interpret -f customization.yml --operation interpretReplica --observed-file observed.yml

# Execute the replicaRevision rule
karmadactl interpret -f customization.yml --operation reviseReplica --observed-file observed.yml --desired-replica 2

# Execute the statusReflection rule
karmadactl interpret -f customization.yml --operation interpretStatus --observed-file observed.yml

# Execute the healthInterpretation rule on what a member has
karmadactl get deployment nginx -s members -C member1 -o yaml | karmadactl interpret -f customization.yml --operation interpretHealth --observed-file -

# Execute the dependencyInterpretation rule
karmadactl interpret -f customization.yml --operation interpretDependency --observed-file observed.yml

# Execute the statusAggregation rule
karmadactl interpret -f customization.yml --operation aggregateStatus --observed-file observed.yml --status-file status.yml

# Edit a customization, with what each rule is for
karmadactl interpret -f customization.yml --edit --show-doc`,
    load: async () => body((await import('./commands/interpret.ts')).interpretCommand),
  },
  {
    name: 'schedule-what-if',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Show where the scheduler would place resources and why, without changing anything',
    usage: 'schedule-what-if [NAME | NAMESPACE/NAME]... [-f FILENAME] [flags]',
    examples: `
# Why a binding goes where it goes, as it would be decided now
karmadactl schedule-what-if nginx-deployment -n default

# What a changed policy would do to the resources that it selects
karmadactl schedule-what-if -f propagationpolicy.yaml

# Policies, resources and clusters out of files only
karmadactl schedule-what-if --local -f clusters.yaml -f policy.yaml -f deployment.yaml -o json`,
    load: async () => body((await import('./commands/schedule-what-if.ts')).scheduleWhatIfCommand),
  },
  {
    name: 'why',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Tell why a resource template is where it is, what keeps it, and what to do next',
    usage: 'why (TYPE NAME | TYPE/NAME) [flags]',
    examples: `
# Policies, placement, overrides, members' answers of one deployment, and the next step if it is stuck
karmadactl why deployment nginx -n default

# The same for programs
karmadactl why deployment/nginx -n default -o json

# With the scheduler's own record of its decision in place of one that is computed anew
karmadactl why deployment nginx --decisions-server=https://127.0.0.1:10359 --decisions-token=<TOKEN> --decisions-certificate-authority=ca.crt`,
    load: async () => body((await import('./commands/why.ts')).whyCommand),
  },
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
    load: async () => body((await import('./commands/apply.ts')).applyCommand),
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
    load: async () => body((await import('./commands/promote.ts')).promoteCommand),
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
        load: async () => body((await import('./commands/top.ts')).topNodeCommand),
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
        load: async () => body((await import('./commands/top.ts')).topPodCommand),
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
    load: async () => body((await import('./commands/patch.ts')).patchCommand),
  },
  {
    name: 'label',
    group: 'Settings Commands',
    short: 'Update the labels on a resource',
    usage: 'label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [flags]',
    examples: `
# Give a deployment a label
karmadactl label deployment nginx tier=web

# Change one that is there
karmadactl label --overwrite deployment nginx tier=back

# Take it away
karmadactl label deployment nginx tier-`,
    load: async () => body((await import('./commands/metadata-change.ts')).labelCommand),
  },
  {
    name: 'annotate',
    group: 'Settings Commands',
    short: 'Update the annotations on a resource',
    usage: 'annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [flags]',
    examples: `
# Give a deployment an annotation
karmadactl annotate deployment nginx owner=web-team

# Take it away
karmadactl annotate deployment nginx owner-`,
    load: async () => body((await import('./commands/metadata-change.ts')).annotateCommand),
  },
  {
    name: 'completion',
    group: 'Settings Commands',
    short: 'Output shell completion code for the specified shell (bash, zsh, fish)',
    usage: 'completion SHELL',
    examples: `
# In bash
source <(karmadactl completion bash)

# In zsh
source <(karmadactl completion zsh)

# In fish
karmadactl completion fish | source`,
    load: async () => body((await import('./commands/completion.ts')).completionCommand),
  },
  {
    name: 'api-resources',
    group: 'Other Commands',
    short: 'Print the supported API resources on the server',
    usage: 'api-resources [flags]',
    examples: `
# Of the control plane
karmadactl api-resources

# Of cluster member1, with verbs
karmadactl api-resources -o wide --operation-scope=members --cluster=member1`,
    load: async () => body((await import('./commands/api-resources.ts')).apiResourcesCommand),
  },
  {
    name: 'api-versions',
    group: 'Other Commands',
    short: 'Print the supported API versions on the server, in the form of "group/version"',
    usage: 'api-versions [flags]',
    examples: `
# Of the control plane
karmadactl api-versions

# Of cluster member1
karmadactl api-versions --operation-scope=members --cluster=member1`,
    load: async () => body((await import('./commands/api-resources.ts')).apiVersionsCommand),
  },
  {
    name: 'version',
    short: 'Print the version information',
    usage: 'version',
    examples: `
# Print the version of this client
karmadactl version`,
    load: async () => body((await import('./commands/version.ts')).versionCommand),
  },
];
