import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { builtinResources } from '../kinds.ts';

const kindOf = (resource: string) => builtinResources().find(({ type }) => type.resource === resource)!;

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'nginx' }] },
};
const base = { selector: { matchLabels: { app: 'web' } }, template };

function objectOf(resource: string, spec: object, more: object = {}): Unstructured {
  const kind = kindOf(resource);
  const object = {
    apiVersion: 'apps/v1',
    kind: kind.type.kind,
    metadata: { name: 'web' },
    spec: structuredClone(spec),
    ...more,
  } as Unstructured;
  kind.default?.(object);
  return object;
}

const errorsOf = (resource: string, spec: object) =>
  (kindOf(resource).validate?.(objectOf(resource, spec)) ?? []).map(({ field, message }) => `${field}: ${message}`);
const updateErrorsOf = (resource: string, old: object, spec: object) =>
  (kindOf(resource).validateUpdate?.(objectOf(resource, spec), objectOf(resource, old)) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  );

const defaultedTemplate = {
  metadata: { labels: { app: 'web' } },
  spec: {
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
  },
};

describe('defaults of workloads', () => {
  it.each([
    [
      'deployments',
      {
        replicas: 1,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
      },
    ],
    ['replicasets', { replicas: 1 }],
    [
      'statefulsets',
      {
        replicas: 1,
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        revisionHistoryLimit: 10,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        serviceName: '',
      },
    ],
    [
      'daemonsets',
      {
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
        revisionHistoryLimit: 10,
      },
    ],
  ])('completes %s, the template included', (resource, defaults) => {
    expect(objectOf(resource, base)['spec']).toEqual({ ...base, template: defaultedTemplate, ...defaults });
  });

  it('gives a Recreate strategy no rollingUpdate', () => {
    expect(objectOf('deployments', { ...base, strategy: { type: 'Recreate' } })['spec']).toMatchObject({
      strategy: { type: 'Recreate' },
    });
  });

  it('leaves an explicit StatefulSet strategy without rollingUpdate as it is', () => {
    const { updateStrategy } = objectOf('statefulsets', { ...base, updateStrategy: { type: 'RollingUpdate' } })[
      'spec'
    ] as {
      updateStrategy: unknown;
    };
    expect(updateStrategy).toEqual({ type: 'RollingUpdate' });
  });

  it('completes claims of a StatefulSet', () => {
    const { volumeClaimTemplates } = objectOf('statefulsets', {
      ...base,
      volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: {} }],
    })['spec'] as { volumeClaimTemplates: unknown[] };
    expect(volumeClaimTemplates).toEqual([
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'd' },
        spec: { volumeMode: 'Filesystem' },
        status: { phase: 'Pending' },
      },
    ]);
  });

  it('keeps replicas 0', () => {
    expect(objectOf('deployments', { ...base, replicas: 0 })['spec']).toMatchObject({ replicas: 0 });
  });

  it('does not copy limits to requests in a template', () => {
    const limited = {
      ...base,
      template: { ...template, spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1' } } }] } },
    };
    const spec = objectOf('deployments', limited)['spec'] as typeof limited;
    expect(spec.template.spec.containers[0]?.resources).toEqual({ limits: { cpu: '1' } });
  });
});

describe.each(['deployments', 'replicasets', 'statefulsets', 'daemonsets'])('validation of %s', (resource) => {
  it('accepts the minimum', () => {
    expect(errorsOf(resource, base)).toEqual([]);
  });

  it('wants a selector', () => {
    expect(errorsOf(resource, { template })).toContain('spec.selector: Required value');
  });

  it('wants one that selects the template', () => {
    expect(errorsOf(resource, { ...base, selector: { matchLabels: { app: 'other' } } })).toEqual([
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ]);
  });

  it('wants pods that run for ever', () => {
    expect(
      errorsOf(resource, { ...base, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } }),
    ).toContain('spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"');
  });
});

describe('selectors of workloads', () => {
  it.each(['deployments', 'replicasets', 'daemonsets'])('of %s stay', (resource) => {
    const changed = {
      selector: { matchLabels: { tier: 'x', app: 'web' } },
      template: { ...template, metadata: { labels: { app: 'web', tier: 'x' } } },
    };
    expect(updateErrorsOf(resource, base, changed)).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"x"}}: field is immutable',
    ]);
  });
});

describe('validation of Deployments', () => {
  it.each([
    [{ replicas: -1 }, 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    [
      { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    ],
    [
      { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      { strategy: { type: 'BlueGreen' } },
      'spec.strategy: Unsupported value: "BlueGreen": supported values: "Recreate", "RollingUpdate"',
    ],
    [
      { minReadySeconds: 600 },
      'spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds',
    ],
    [{ selector: {} }, 'spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ])('refuses %j', (spec, message) => {
    expect(errorsOf('deployments', { ...base, ...spec })).toContain(message);
  });
});

describe('updates of StatefulSets', () => {
  it('may change replicas, template, strategy and the like', () => {
    expect(
      updateErrorsOf('statefulsets', base, { ...base, replicas: 5, minReadySeconds: 3, ordinals: { start: 1 } }),
    ).toEqual([]);
  });

  it('may mount volumes of its claims', () => {
    const spec = {
      ...template.spec,
      containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    };
    const claims = [{ metadata: { name: 'data' }, spec: {} }];
    expect(
      errorsOf('statefulsets', { ...base, template: { ...template, spec }, volumeClaimTemplates: claims }),
    ).toEqual([]);
  });

  it('may change nothing else', () => {
    expect(updateErrorsOf('statefulsets', base, { ...base, serviceName: 'x' })).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });
});

describe('DaemonSets', () => {
  it('count the changes of their template', () => {
    const kind = kindOf('daemonsets');
    const context = { user: { name: '', groups: [] }, now: 0, dryRun: false };
    const key = 'deprecated.daemonset.template.generation';
    const first = objectOf('daemonsets', base);
    kind.prepareForCreate?.(first, context);
    expect(first.metadata.annotations?.[key]).toBe('1');
    const same = objectOf('daemonsets', { ...base, minReadySeconds: 5 });
    kind.prepareForUpdate?.(same, first, context);
    expect(same.metadata.annotations?.[key]).toBe('1');
    const changed = objectOf('daemonsets', {
      ...base,
      template: { ...template, spec: { ...template.spec, hostname: 'h' } },
    });
    kind.prepareForUpdate?.(changed, first, context);
    expect(changed.metadata.annotations?.[key]).toBe('2');
  });
});

describe('columns of workloads', () => {
  const status = { replicas: 3, readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 };
  const daemons = {
    desiredNumberScheduled: 5,
    currentNumberScheduled: 4,
    numberReady: 3,
    updatedNumberScheduled: 2,
    numberAvailable: 1,
  };
  it.each([
    ['deployments', { replicas: 3 }, status, ['web', '2/3', 3, 1, '<unknown>', 'c', 'nginx', 'app=web']],
    ['deployments', { replicas: 3 }, {}, ['web', '0/3', 0, 0, '<unknown>', 'c', 'nginx', 'app=web']],
    ['replicasets', { replicas: 4 }, status, ['web', 4, 3, 2, '<unknown>', 'c', 'nginx', 'app=web']],
    ['statefulsets', { replicas: 3 }, status, ['web', '2/3', '<unknown>', 'c', 'nginx']],
    ['daemonsets', {}, daemons, ['web', 5, 4, 3, 2, 1, '<none>', '<unknown>', 'c', 'nginx', 'app=web']],
  ])('of %s', (resource, spec, objectStatus, cells) => {
    const object = objectOf(resource, { ...base, ...spec }, { status: objectStatus });
    expect((kindOf(resource).columns ?? []).map((column) => column.cell(object, 0))).toEqual(cells);
  });

  it('names the controller of a ControllerRevision', () => {
    const object = objectOf(
      'controllerrevisions',
      {},
      {
        metadata: {
          name: 'r',
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'u', controller: true }],
        },
        revision: 4,
      },
    );
    expect((kindOf('controllerrevisions').columns ?? []).map((column) => column.cell(object, 0))).toEqual([
      'r',
      'statefulset.apps/web',
      4,
      '<unknown>',
    ]);
  });
});
