/** Claims of a pod: which nodes their volumes allow, and binding those that wait for a consumer before the pod is bound. */
import type { Client } from '../../client/client.ts';
import type { Informer, InformerFactory } from '../../client/informer.ts';
import { storageClassOf } from '../../kubernetes/core/persistent-volume.ts';
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../kubernetes/resource-types.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../kubernetes/types.ts';
import {
  findVolume,
  indexVolumes,
  isBound,
  isReservedFor,
  promisedTo,
  type ReadableClaim,
  type ReadableVolume,
  reaches,
  selectedNodeAnnotation,
  waitsForConsumer,
} from '../controllers/volumes/volume-matching.ts';
import type { ClusterState, NodeState } from './cluster-state.ts';
import { type PlacementRule, refuse } from './placement-rule.ts';
import type { PodInfo } from './pod-info.ts';

export interface VolumeBinding {
  /** A reason against every node, or a rule for each (none when the pod has no claims). */
  check(info: PodInfo): { readonly reason: string } | { readonly rules: readonly PlacementRule[] };
  /** Resolves when all claims of the pod are bound for the node; at once when they are. Rejects when the signal aborts. */
  bind(info: PodInfo, node: NodeState, signal: AbortSignal): Promise<void>;
  /** Calls back after changes that may let a pod be placed. */
  onChange(listener: () => void): void;
}

const conflict = refuse("node(s) didn't match PersistentVolume's node affinity", true);
const nothingToBind = refuse("node(s) didn't find available persistent volumes to bind", true);
const lostVolume = refuse('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)', true);
const exclusive = refuse(
  'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
);

/** Must be called before the informers start. */
export function createVolumeBinding(informers: InformerFactory, client: Client, state: ClusterState): VolumeBinding {
  const claims: Informer<PersistentVolumeClaim> = informers.informer<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumes = informers.informer<PersistentVolume>(persistentVolumes);
  const classes = informers.informer<StorageClass>(storageClasses);
  const claimClient = client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumeClient = client.resource<PersistentVolume>(persistentVolumes);
  indexVolumes(volumes);
  const listeners: (() => void)[] = [];
  const changed = (): void => {
    for (const listener of [...listeners]) listener();
  };
  for (const informer of [claims, volumes, classes]) informer.addHandler({ added: changed, updated: changed });

  const claimOf = (info: PodInfo, name: string): ReadableClaim | undefined => claims.get(`${info.namespace}/${name}`);
  const classOf = (claim: ReadableClaim) => classes.get(storageClassOf(claim));

  function check(info: PodInfo): ReturnType<VolumeBinding['check']> {
    const rules: PlacementRule[] = [];
    for (const name of info.claims) {
      const claim = claimOf(info, name);
      if (claim === undefined) return { reason: missingText(info, name) };
      if (claim.metadata.deletionTimestamp !== undefined)
        return { reason: `persistentvolumeclaim "${name}" is being deleted` };
      if (claim.status?.phase === 'Lost')
        return {
          reason: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName}"`,
        };
      if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) rules.push(onlyUser(info, name));
      if (isBound(claim)) rules.push(boundRule(volumes.get(claim.spec?.volumeName ?? '')));
      else if (waitsForConsumer(classOf(claim)))
        rules.push(({ node }) => (canServe(claim, node) ? undefined : nothingToBind));
      else return { reason: 'pod has unbound immediate PersistentVolumeClaims' };
    }
    return { rules };
  }

  function onlyUser(info: PodInfo, claim: string): PlacementRule {
    const uses = (other: PodInfo): boolean =>
      other.uid !== info.uid && other.namespace === info.namespace && other.claims.includes(claim);
    for (const node of state.nodes) {
      const user = [...node.pods.values()].find(uses);
      if (user !== undefined) return () => (node.pods.has(user.uid) ? exclusive : undefined);
    }
    return () => undefined;
  }

  function canServe(claim: ReadableClaim, node: NodeState['node']): boolean {
    if (findVolume(claim, volumes, node) !== undefined) return true;
    const storageClass = classOf(claim);
    if (storageClass === undefined || storageClass.provisioner === 'kubernetes.io/no-provisioner') return false;
    const topologies = storageClass.allowedTopologies ?? [];
    const labels = node.metadata.labels ?? {};
    return (
      topologies.length === 0 ||
      topologies.some(({ matchLabelExpressions }) =>
        (matchLabelExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? '')),
      )
    );
  }

  /** Promises a volume, or asks the provisioner for one on this node. Nothing to do when that was done before. */
  async function prepare(claim: ReadableClaim, node: NodeState): Promise<void> {
    if (claim.spec?.volumeName) return;
    const volume = findVolume(claim, volumes, node.node);
    if (volume === undefined) {
      const annotations = { ...claim.metadata.annotations };
      if (annotations[selectedNodeAnnotation] === node.name) return;
      annotations[selectedNodeAnnotation] = node.name;
      await claimClient.update({ ...claim, metadata: { ...claim.metadata, annotations } } as PersistentVolumeClaim);
    } else if (!volume.spec?.claimRef?.uid || !isReservedFor(volume, claim))
      await volumeClient.update(promisedTo(volume, claim));
  }

  return {
    check,
    onChange: (listener) => void listeners.push(listener),
    async bind(info, node, signal) {
      if (info.claims.length === 0) return;
      const open = (): ReadableClaim[] =>
        info.claims
          .map((name) => claimOf(info, name))
          .filter((claim) => claim !== undefined && !isBound(claim)) as ReadableClaim[];
      for (const claim of open()) await prepare(claim, node);
      if (open().length === 0) return;
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (!signal.aborted && open().length > 0) return;
          listeners.splice(listeners.indexOf(look), 1);
          if (signal.aborted) reject(signal.reason);
          else resolve();
        };
        listeners.push(look);
        signal.addEventListener('abort', look, { once: true });
      });
      if (!info.claims.every((name) => fitsNode(claimOf(info, name), node)))
        throw new Error('a volume that was bound cannot be reached from the chosen node');
    },
  };

  function fitsNode(claim: ReadableClaim | undefined, node: NodeState): boolean {
    return claim !== undefined && boundRule(volumes.get(claim.spec?.volumeName ?? ''))(node) === undefined;
  }
}

const boundRule =
  (volume: ReadableVolume | undefined): PlacementRule =>
  ({ node }) => {
    if (volume === undefined) return lostVolume;
    return reaches(volume, node) ? undefined : conflict;
  };

function missingText(info: PodInfo, claim: string): string {
  const ephemeral = (info.pod.spec?.volumes ?? []).some(
    (volume) => volume.ephemeral !== undefined && `${info.pod.metadata.name}-${volume.name}` === claim,
  );
  return ephemeral
    ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${claim}"`
    : `persistentvolumeclaim "${claim}" not found`;
}
