import { type CommandEntry, loaded } from '../command.ts';

export const managementCommands: readonly CommandEntry[] = [
  {
    name: 'cordon',
    group: 'Cluster Management Commands',
    short: 'Mark cluster as unschedulable',
    usage: 'cordon CLUSTER [flags]',
    examples: `
# Mark cluster as unschedulable
karmadactl cordon member1`,
    load: async () => loaded((await import('../commands/cordon.ts')).cordonCommand),
  },
  {
    name: 'uncordon',
    group: 'Cluster Management Commands',
    short: 'Mark cluster as schedulable',
    usage: 'uncordon CLUSTER [flags]',
    examples: `
# Mark cluster as schedulable
karmadactl uncordon member1`,
    load: async () => loaded((await import('../commands/cordon.ts')).uncordonCommand),
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
    load: async () => loaded((await import('../commands/taint.ts')).taintCommand),
  },
];
