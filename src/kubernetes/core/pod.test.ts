import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { builtinResources } from '../kinds.ts';
import type { Pod, PodSpec } from '../types.ts';
import { pullPolicyOf } from './pod-defaults.ts';
import { qosClassOf } from './qos.ts';

const kind = builtinResources().find(({ type }) => type.resource === 'pods')!;

function podOf(spec: object): Unstructured & Pod {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec } as unknown as Unstructured & Pod;
  kind.default?.(object);
  return object;
}

const minimal = { containers: [{ name: 'c', image: 'nginx' }] };
const errorsOf = (spec: object): string[] =>
  (kind.validate?.(podOf(spec)) ?? []).map(({ field, message }) => `${field}: ${message}`);

describe('defaults of a Pod', () => {
  it('fills what every Pod has', () => {
    expect(podOf(structuredClone(minimal)).spec).toEqual({
      containers: [
        {
          name: 'c',
          image: 'nginx',
          imagePullPolicy: 'Always',
          resources: {},
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      securityContext: {},
      enableServiceLinks: true,
    });
  });

  it.each([
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.25', 'IfNotPresent'],
    ['localhost:5000/nginx', 'Always'],
    ['localhost:5000/nginx:v1', 'IfNotPresent'],
    ['nginx@sha256:0123', 'IfNotPresent'],
  ])('pulls %s %s', (image, policy) => {
    expect(pullPolicyOf(image)).toBe(policy);
  });

  it('mirrors serviceAccountName into its deprecated alias', () => {
    expect(podOf({ ...minimal, serviceAccountName: 'a' }).spec).toMatchObject({ serviceAccount: 'a' });
    expect(podOf({ ...minimal, serviceAccount: 'a' }).spec).toMatchObject({ serviceAccountName: 'a' });
  });

  it('requests what is limited', () => {
    const pod = podOf({
      containers: [
        { name: 'c', image: 'i', resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '0.5' } } },
      ],
    });
    expect(pod.spec?.containers[0]?.resources?.requests).toEqual({ cpu: '500m', memory: '1Gi' });
  });

  it('fills probes and handlers', () => {
    const pod = podOf({
      containers: [
        {
          name: 'c',
          image: 'i',
          livenessProbe: { httpGet: { port: 80 } },
          readinessProbe: { grpc: { port: 80 }, periodSeconds: 3 },
        },
      ],
    });
    expect(pod.spec?.containers[0]?.livenessProbe).toEqual({
      httpGet: { port: 80, path: '/', scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
    expect(pod.spec?.containers[0]?.readinessProbe).toMatchObject({
      grpc: { port: 80, service: '' },
      periodSeconds: 3,
    });
  });

  it.each([
    [{ name: 'v' }, { name: 'v', emptyDir: {} }],
    [
      { name: 'v', secret: { secretName: 's' } },
      { name: 'v', secret: { secretName: 's', defaultMode: 420 } },
    ],
    [
      { name: 'v', configMap: { name: 'm' } },
      { name: 'v', configMap: { name: 'm', defaultMode: 420 } },
    ],
    [
      { name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
      {
        name: 'v',
        projected: { defaultMode: 420, sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }] },
      },
    ],
    [
      { name: 'v', hostPath: { path: '/x' } },
      { name: 'v', hostPath: { path: '/x', type: '' } },
    ],
  ])('fills the volume %j', (before, after) => {
    expect(podOf({ ...minimal, volumes: [before] }).spec?.volumes).toEqual([after]);
  });

  it('opens container ports on the host with hostNetwork', () => {
    const pod = podOf({ hostNetwork: true, containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }] });
    expect(pod.spec?.containers[0]?.ports).toEqual([{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
  });

  it('starts Pending, with its quality of service', () => {
    const pod = podOf(structuredClone(minimal));
    kind.prepareForCreate?.(pod, { user: { name: '', groups: [] }, now: 0, dryRun: false });
    expect(pod.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  it.each([
    [{}, 'BestEffort'],
    [{ requests: { cpu: '1' } }, 'Burstable'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } }, 'Burstable'],
    [{ limits: { cpu: '1' } }, 'Burstable'],
  ])('gives %j the class %s', (resources, qos) => {
    expect(qosClassOf({ containers: [{ name: 'c', resources }] } as PodSpec)).toBe(qos);
  });
});

describe('validation of a Pod', () => {
  const container = (more: object) => ({ containers: [{ name: 'c', image: 'i', ...more }] });

  it('accepts the minimum', () => {
    expect(errorsOf(minimal)).toEqual([]);
  });

  it.each([
    [{ containers: [] }, 'spec.containers: Required value'],
    [{ containers: [{ image: 'i' }] }, 'spec.containers[0].name: Required value'],
    [{ containers: [{ name: 'c' }] }, 'spec.containers[0].image: Required value'],
    [{ containers: [...minimal.containers, ...minimal.containers] }, 'spec.containers[1].name: Duplicate value: "c"'],
    [
      { ...minimal, restartPolicy: 'Sometimes' },
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      container({ volumeMounts: [{ name: 'x', mountPath: '/x' }] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "x"',
    ],
    [
      container({ ports: [{ containerPort: 70000 }] }),
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [container({ ports: [{}] }), 'spec.containers[0].ports[0].containerPort: Required value'],
    [
      container({
        ports: [
          { containerPort: 1, name: 'a' },
          { containerPort: 2, name: 'a' },
        ],
      }),
      'spec.containers[0].ports[1].name: Duplicate value: "a"',
    ],
    [
      container({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [container({ livenessProbe: {} }), 'spec.containers[0].livenessProbe: Required value: must specify a handler type'],
    [
      container({ imagePullPolicy: 'Later' }),
      'spec.containers[0].imagePullPolicy: Unsupported value: "Later": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      container({ restartPolicy: 'Sometimes' }),
      'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
    ],
    [
      container({ restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }] }),
      'spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used',
    ],
    [
      container({ restartPolicy: 'Never', restartPolicyRules: [{ action: 'RestartAllContainers' }] }),
      'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "RestartAllContainers": supported values: "Restart"',
    ],
    [container({ env: [{ value: 'x' }] }), 'spec.containers[0].env[0].name: Required value'],
    [{ ...minimal, volumes: [{ name: 'v' }, { name: 'v' }] }, 'spec.volumes[1].name: Duplicate value: "v"'],
  ])('refuses %j', (spec, message) => {
    expect(errorsOf(spec)).toContain(message);
  });

  it('lets mount paths be used once', () => {
    expect(
      errorsOf({
        ...container({
          volumeMounts: [
            { name: 'v', mountPath: '/x' },
            { name: 'v', mountPath: '/x' },
          ],
        }),
        volumes: [{ name: 'v' }],
      }),
    ).toEqual(['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique']);
  });

  it('wants each claim once, from one source, and known to the pod', () => {
    const resourceClaims = [
      { name: 'g', resourceClaimName: 'a', resourceClaimTemplateName: 'b' },
      { name: 'g', resourceClaimName: 'a' },
      { name: 'h' },
    ];
    const both = '`resourceClaimName`, `resourceClaimTemplateName`';
    expect(
      errorsOf({ ...container({ resources: { claims: [{ name: 'z' }, { name: 'h' }] } }), resourceClaims }),
    ).toEqual([
      `spec.resourceClaims[0]: Invalid value: ${JSON.stringify(resourceClaims[0])}: at most one of ${both} may be specified`,
      'spec.resourceClaims[1].name: Duplicate value: "g"',
      `spec.resourceClaims[2]: Invalid value: {"name":"h"}: must specify one of: ${both}`,
      'spec.containers[0].resources.claims[0]: Not found: "z": must be one of the names in pod.spec.resourceClaims: g, h',
    ]);
  });
});

describe('updates of a Pod', () => {
  const update = (old: object, spec: object) =>
    (kind.validateUpdate?.(podOf(spec), podOf(old)) ?? []).map(({ field, message }) => `${field}: ${message}`);

  it.each([
    ['an image', { containers: [{ name: 'c', image: 'nginx:2', imagePullPolicy: 'Always' }] }],
    ['a further toleration', { ...minimal, tolerations: [{ operator: 'Exists' }] }],
    ['a deadline', { ...minimal, activeDeadlineSeconds: 5 }],
  ])('may change %s', (_, spec) => {
    expect(update(structuredClone(minimal), spec)).toEqual([]);
  });

  it('may change nothing else, and say what it was', () => {
    const [error] = update(structuredClone(minimal), { ...minimal, dnsPolicy: 'Default' });
    expect(error).toContain(
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n',
    );
    expect(error).toContain('"ClusterFirst"');
  });

  it('may not add or remove containers', () => {
    expect(
      update(structuredClone(minimal), { containers: [...minimal.containers, { name: 'd', image: 'i' }] }),
    ).toEqual(['spec.containers: Forbidden: pod updates may not add or remove containers']);
  });

  it('lets gated pods narrow where they run', () => {
    const gated = { ...minimal, schedulingGates: [{ name: 'a.b/c' }] };
    expect(update(structuredClone(gated), { ...minimal, nodeSelector: { a: 'b' } })).toEqual([]);
  });
});

describe('deletion of a Pod', () => {
  it.each([
    [{ ...minimal }, 'Running', 0],
    [{ ...minimal, nodeName: 'n' }, 'Running', 30],
    [{ ...minimal, nodeName: 'n', terminationGracePeriodSeconds: 5 }, 'Pending', 5],
    [{ ...minimal, nodeName: 'n' }, 'Succeeded', 0],
  ])('gives %j in phase %s a grace of %d s', (spec, phase, seconds) => {
    expect(kind.gracePeriodSeconds?.({ ...podOf(structuredClone(spec)), status: { phase } })).toBe(seconds);
  });
});
