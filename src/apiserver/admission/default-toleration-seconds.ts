/** Pods stay five minutes on a node that is not ready or unreachable, unless they say otherwise. */
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import type { AdmissionPlugin } from './plugin.ts';

const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: ({ operation, type, subresource }) =>
    (operation === 'CREATE' || operation === 'UPDATE') &&
    subresource === '' &&
    type.group === '' &&
    type.resource === pods.resource,
  admit({ object }) {
    const spec = (object as unknown as Pod).spec;
    if (spec === undefined) return;
    const present = spec.tolerations ?? [];
    const missing = keys.filter(
      (key) =>
        !present.some(
          (toleration) =>
            (!toleration.key || toleration.key === key) && (!toleration.effect || toleration.effect === 'NoExecute'),
        ),
    );
    if (missing.length > 0)
      spec.tolerations = [
        ...present,
        ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 })),
      ];
  },
};
