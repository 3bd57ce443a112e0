import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../../apis/resource-types.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, karmadaFlags } from '../command.ts';

const unschedulable = { key: 'cluster.karmada.io/unschedulable', effect: 'NoSchedule' } as const;

export const cordonCommand = schedulingCommand('cordoned');
export const uncordonCommand = schedulingCommand('uncordoned');

function schedulingCommand(wanted: 'cordoned' | 'uncordoned') {
  return defineCommand({
    flags: {
      ...karmadaFlags,
      'dry-run': flag.bool(false, 'Run the command in dry-run mode, without making any server requests.'),
    },
    async run({ values, args, io, signal }) {
      if (args.length > 1) throw new Error('more than one cluster name is not supported');
      const [name = ''] = args;
      if (name === '') throw new Error('cluster name is required');
      const resource = controlPlaneClient(values).client.resource<Cluster>(clusters);
      const cluster = await resource.get({ name }, { signal });
      const taints = [...(cluster.spec.taints ?? [])];
      const at = taints.findIndex(({ key, effect }) => key === unschedulable.key && effect === unschedulable.effect);
      if (at >= 0 === (wanted === 'cordoned')) {
        io.stdout(`${name} cluster already ${wanted}\n`);
        return;
      }
      if (wanted === 'cordoned') taints.push(unschedulable);
      else {
        const last = taints.pop();
        if (last !== undefined && at < taints.length) taints[at] = last;
      }
      // With the version that was read: taints that others add meanwhile are not lost.
      const { resourceVersion } = cluster.metadata;
      const patch = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
      if (!values['dry-run']) await resource.patch({ name }, 'merge', patch, { signal });
      io.stdout(`${name} cluster ${wanted}\n`);
    },
  });
}
