import { type CommandEntry, loaded } from '../command.ts';

export const settingsCommands: readonly CommandEntry[] = [
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
    load: async () => loaded((await import('../commands/metadata-change.ts')).labelCommand),
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
    load: async () => loaded((await import('../commands/metadata-change.ts')).annotateCommand),
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
    load: async () => loaded((await import('../commands/completion.ts')).completionCommand),
  },
];
