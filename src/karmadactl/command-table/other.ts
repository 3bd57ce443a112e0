import { type CommandEntry, loaded } from '../command.ts';

export const otherCommands: readonly CommandEntry[] = [
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
    load: async () => loaded((await import('../commands/api-resources.ts')).apiResourcesCommand),
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
    load: async () => loaded((await import('../commands/api-resources.ts')).apiVersionsCommand),
  },
  {
    name: 'version',
    short: 'Print the version information',
    usage: 'version',
    examples: `
# Print the version of this client
karmadactl version`,
    load: async () => loaded((await import('../commands/version.ts')).versionCommand),
  },
];
