import { type CommandEntry, loaded } from '../command.ts';
import { createTable } from '../create/create-table.ts';

export const basicCommands: readonly CommandEntry[] = [
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
    load: async () => loaded((await import('../commands/explain.ts')).explainCommand),
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
    load: async () => loaded((await import('../commands/get.ts')).getCommand),
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
    load: async () => loaded((await import('../commands/create.ts')).createCommand),
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
    load: async () => loaded((await import('../commands/delete.ts')).deleteCommand),
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
    load: async () => loaded((await import('../commands/edit.ts')).editCommand),
  },
];
