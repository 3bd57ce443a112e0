/** Rules about where things go: Pods, volumes, traffic. As a table, with upstream's texts. */
import { describe, expect, it } from 'vitest';
import { kindOf, objectOf } from '../../test/support/kinds.ts';

const messages = (kind: string, fields: object) =>
  (kindOf(kind).validate?.(objectOf(kind, fields)) ?? []).map(({ field, message }) => `${field}: ${message}`);
const podWith = (extra: object) => ({ spec: { containers: [{ name: 'c', image: 'i' }], ...extra } });
const affinity = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
const antiAffinity = 'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution';

describe('validation', () => {
  it.each<[string, object, string[]]>([
    [
      'pods',
      podWith({
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      }),
      [`${affinity}: Required value: must have at least one node selector term`],
    ],
    [
      'pods',
      podWith({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'Near' }] }],
            },
          },
        },
      }),
      [`${affinity}[0].matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator`],
    ],
    [
      'pods',
      podWith({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } } }),
      [`${antiAffinity}[0].topologyKey: Required value: can not be empty`],
    ],
    [
      'pods',
      podWith({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'Maybe' }] }),
      [
        'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
        'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
      ],
    ],
    [
      'networkpolicies.networking.k8s.io',
      { spec: { podSelector: {}, ingress: [{ ports: [{ port: 90, endPort: 80 }] }] } },
      ['spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`'],
    ],
    [
      'networkpolicies.networking.k8s.io',
      {
        spec: {
          podSelector: {},
          egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '11.0.0.0/16'] } }] }],
        },
      },
      ['spec.egress[0].to[0].ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`'],
    ],
    [
      'ingresses.networking.k8s.io',
      {
        metadata: { name: 'i', namespace: 'n', annotations: { 'kubernetes.io/ingress.class': 'a' } },
        spec: {
          ingressClassName: 'b',
          defaultBackend: { service: { name: 's', port: { number: 1 } } },
          tls: [{ hosts: ['*'] }],
        },
      },
      [
        'metadata.annotations[kubernetes.io/ingress.class]: Invalid value: "a": can not be set when the class field is also set',
        expect.stringContaining(
          'spec.tls[0].hosts[0]: Invalid value: "*": a wildcard DNS-1123 subdomain',
        ) as unknown as string,
      ],
    ],
    [
      'persistentvolumes',
      { spec: { capacity: { storage: '0' }, accessModes: ['Sometimes'], hostPath: { path: '/a' } } },
      [
        'spec.capacity[storage]: Invalid value: "0": must be greater than zero',
        'spec.accessModes: Unsupported value: "Sometimes": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      ],
    ],
    [
      'persistentvolumeclaims',
      { spec: { accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'], resources: { requests: { storage: '1' } } } },
      ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
    ],
  ])('of %s %j says %j', (kind, fields, expected) => expect(messages(kind, fields)).toEqual(expected));

  it('lets through what is right', () => {
    const selector = { labelSelector: { matchLabels: { a: 'b' } }, topologyKey: 'kubernetes.io/hostname' };
    const good = podWith({
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, preference: { matchExpressions: [{ key: 'cpus', operator: 'Gt', values: ['4'] }] } },
          ],
        },
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [selector] },
      },
      topologySpreadConstraints: [{ ...selector, maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', minDomains: 2 }],
    });
    expect(messages('pods', good)).toEqual([]);
  });

  it('keeps the mode of a volume', () => {
    const volume = (volumeMode: string) =>
      objectOf('persistentvolumes', { spec: { volumeMode, capacity: { storage: '1' }, hostPath: { path: '/a' } } });
    const errors = kindOf('persistentvolumes').validateUpdate?.(volume('Block'), volume('Filesystem')) ?? [];
    expect(errors.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      'spec.volumeMode: Invalid value: "Block": field is immutable',
    ]);
  });
});
