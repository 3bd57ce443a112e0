import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  eventually,
  settledRevision,
  startControlPlane,
  type TestControlPlane,
} from '../../../test/support/control-plane.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { workName } from '../../apis/naming.ts';
import { works } from '../../apis/resource-types.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import { namespaces } from '../../kubernetes/resource-types.ts';
import { recording, type Sent } from '../testing/fault-transports.ts';

describe('namespace sync', () => {
  let plane: TestControlPlane;
  let controllers: { stop(): Promise<void> };

  beforeAll(async () => {
    plane = await startControlPlane(['member1', 'member2']);
    controllers = await plane.startControllers();
  });
  afterAll(async () => {
    await controllers.stop();
    await plane.stop();
  });

  const namespace = (name: string, metadata: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, ...metadata },
  });
  const create = (name: string, metadata?: object) =>
    plane.client.resource(namespaces).create(namespace(name, metadata) as never);
  const inMember = (cluster: string, name: string) => {
    const member = plane.members.get(cluster);
    if (member === undefined) throw new Error(cluster);
    return member.client.resource(namespaces).get({ name });
  };
  const workOf = (cluster: string, name: string) =>
    plane.client.resource<Work>(works).get({ namespace: `karmada-es-${cluster}`, name: workName('Namespace', name) });

  it('creates a namespace in every member, owned by the one in the control plane', async () => {
    const { metadata } = await create('shop');
    for (const cluster of ['member1', 'member2']) {
      const found = await eventually(() => inMember(cluster, 'shop'));
      expect(found.metadata.labels).toMatchObject({ 'karmada.io/managed': 'true' });
    }
    const work = await workOf('member1', 'shop');
    expect(work.metadata.ownerReferences).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        name: 'shop',
        uid: metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    expect(work.spec).toEqual({ workload: { manifests: [expect.objectContaining({ kind: 'Namespace' })] } });
    expect(work.metadata.annotations ?? {}).not.toHaveProperty('work.karmada.io/conflict-resolution');
  });

  it('a start over what is there already sends nothing', async () => {
    await create('quiet');
    await eventually(() => inMember('member2', 'quiet'));
    await settledRevision(plane.api);
    const sent: Sent[] = [];
    const again = await plane.startControllers({ through: recording(sent) });
    await settledRevision(plane.api);
    await again.stop();
    expect(sent.filter(({ path }) => path.includes('/works/'))).toEqual([]);
  });

  it('leaves out default, reserved, skipped and opted-out namespaces', async () => {
    await create('private', { labels: { 'namespace.karmada.io/skip-auto-propagation': 'TRUE' } });
    await create('kube-extra');
    await settledRevision(plane.api);
    for (const name of ['default', 'kube-system', 'kube-extra', 'private', 'karmada-es-member1'])
      await expect(workOf('member1', name)).rejects.toSatisfy(isNotFound);
  });

  it('does not take over a namespace that is there already, unless told to', async () => {
    const member = plane.members.get('member1');
    const own = await member?.client
      .resource(namespaces)
      .create(namespace('legacy', { labels: { own: '1' } }) as never);
    await create('legacy');
    await eventually(async () => {
      const { status } = await workOf('member1', 'legacy');
      expect(status?.conditions).toMatchObject([{ type: 'Dispatching' }, { type: 'Applied', status: 'False' }]);
    });
    expect((await inMember('member1', 'legacy')).metadata.resourceVersion).toBe(own?.metadata.resourceVersion);
    await plane.client.resource(namespaces).patch({ name: 'legacy' }, 'merge', {
      metadata: { annotations: { 'work.karmada.io/conflict-resolution': 'overwrite' } },
    });
    await eventually(async () => {
      const { metadata } = await inMember('member1', 'legacy');
      expect(metadata).toMatchObject({ uid: own?.metadata.uid, labels: { own: '1', 'karmada.io/managed': 'true' } });
    });
  });

  it('leaves a namespace that it was told to take over in the member when its own goes', async () => {
    const member = plane.members.get('member1');
    await member?.client.resource(namespaces).create(namespace('heirloom', { labels: { own: '1' } }) as never);
    await create('heirloom', { annotations: { 'work.karmada.io/conflict-resolution': 'overwrite' } });
    await eventually(async () =>
      expect((await inMember('member1', 'heirloom')).metadata.labels).toMatchObject({ 'karmada.io/managed': 'true' }),
    );
    expect((await workOf('member1', 'heirloom')).spec.preserveResourcesOnDeletion).toBe(true);
    await plane.client.resource(namespaces).patch({ name: 'heirloom' }, 'merge', {
      metadata: { labels: { 'namespace.karmada.io/skip-auto-propagation': 'true' } },
    });
    await plane.client
      .resource(works)
      .delete({ namespace: 'karmada-es-member1', name: workName('Namespace', 'heirloom') });
    await eventually(async () => {
      const { labels, deletionTimestamp } = (await inMember('member1', 'heirloom')).metadata;
      expect([labels?.['karmada.io/managed'], labels?.['own'], deletionTimestamp]).toEqual([undefined, '1', undefined]);
    });
  });

  it('a Work that was deleted is made again', async () => {
    await create('back');
    const { uid } = (await eventually(() => workOf('member2', 'back'))).metadata;
    await plane.client.resource(works).delete({ namespace: 'karmada-es-member2', name: workName('Namespace', 'back') });
    await eventually(async () => expect((await workOf('member2', 'back')).metadata.uid).not.toBe(uid));
  });
});
