import { type CommandEntry, loaded } from '../command.ts';

export const troubleshootingCommands: readonly CommandEntry[] = [
  {
    name: 'attach',
    group: 'Troubleshooting and Debugging Commands',
    short: 'Attach to a running container',
    usage: 'attach (POD | TYPE/NAME) [-c CONTAINER] [flags]',
    examples: `
# See what a pod of a member cluster writes
karmadactl attach mypod --operation-scope=members --cluster=member1`,
    load: async () => loaded((await import('../commands/exec.ts')).attachCommand),
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
    load: async () => loaded((await import('../commands/logs.ts')).logsCommand),
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
    load: async () => loaded((await import('../commands/exec.ts')).execCommand),
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
    load: async () => loaded((await import('../commands/describe.ts')).describeCommand),
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
    load: async () => loaded((await import('../commands/interpret.ts')).interpretCommand),
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
    load: async () => loaded((await import('../commands/schedule-what-if.ts')).scheduleWhatIfCommand),
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
    load: async () => loaded((await import('../commands/why.ts')).whyCommand),
  },
];
