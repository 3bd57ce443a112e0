/**
 * Registers the nodes and keeps them alive by Leases, and tells their status now and then. Many nodes share one timer. A Lease
 * is renewed five times within the time after which its node would count as lost.
 */
import { type Clock, formatMicroTime } from '../../apimachinery/clock.ts';
import { deepEqual } from '../../apimachinery/object.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { Logger } from '../../component/logging.ts';
import { leases, nodes } from '../../kubernetes/resource-types.ts';
import type { Lease, Node } from '../../kubernetes/types.ts';
import type { RecordEvent } from '../events.ts';
import { buildNode, type NodeSpec, nodeStatus, pressureEvents } from './node-status.ts';

export const leasePeriodMs = (graceMs: number): number => graceMs / 5;
/** Five minutes with the usual ten seconds between renewals; where Leases are stretched, status is, too. */
const statusPeriodMs = (leasePeriod: number): number => Math.max(5 * 60_000, 30 * leasePeriod);
const leaseSeconds = (leasePeriod: number): number => Math.max(40, Math.round((4 * leasePeriod) / 1000));

const usualGraceMs = 50_000;
/** Leases that one process renews in a second at most, unless it is told how long a node may be silent. */
const leasesPerSecond = 50;
/**
 * How long a node may be silent by default. Renewing costs the same for each node, so it is done less often where one process
 * has many: 50 s up to 500 nodes, 100 s with 1,000, nearly three hours with 100,000.
 */
export const defaultGraceMs = (nodesOfProcess: number): number =>
  Math.max(usualGraceMs, (5 * 1000 * nodesOfProcess) / leasesPerSecond);
/** A node with this annotation set to `true` is as good as switched off: no heartbeats, and its pods stay as they are. */
export const downAnnotation = 'kubelite/down';
const leaseNamespace = 'kube-node-lease';

/** What a Node says about itself by annotations, and who is told. */
export interface NodeDeclarations {
  isDown(node: string): boolean;
  /** The value of `kubelite/pressure`. */
  pressureOf(node: string): string;
  recordEvent: RecordEvent;
}

export interface NodeHeartbeats {
  /** Nodes exist with a current status and a Lease when it resolves. */
  register(): Promise<void>;
  /** What the node declares has changed: its status is told at once. */
  changed(name: string): void;
  /** Beats until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

interface BeatingNode {
  spec: NodeSpec;
  uid: string;
  lease: Lease | undefined;
  statusDueAt: number;
}

export function createNodeHeartbeats(
  specs: readonly NodeSpec[],
  client: Client,
  clock: Clock,
  logger: Logger,
  { isDown, pressureOf, recordEvent }: NodeDeclarations,
  periodMs: number,
): NodeHeartbeats {
  const nodeClient = client.resource<Node>(nodes);
  const leaseClient = client.resource<Lease>(leases);
  const beating: BeatingNode[] = specs.map((spec) => ({ spec, uid: '', lease: undefined, statusDueAt: 0 }));

  async function registerNode(node: BeatingNode): Promise<void> {
    const wanted = buildNode(node.spec, clock.now());
    let stored: Node;
    let made = true;
    try {
      // A Node is made with its status.
      stored = await nodeClient.create(wanted);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      made = false;
      stored = await nodeClient.get({ name: node.spec.name });
      const labels = { ...stored.metadata.labels, ...wanted.metadata.labels };
      if (!deepEqual(labels, stored.metadata.labels ?? {}))
        stored = await nodeClient.update({ ...stored, metadata: { ...stored.metadata, labels } });
    }
    node.uid = stored.metadata.uid ?? '';
    if (made) node.statusDueAt = clock.now() + statusPeriodMs(periodMs);
    else await beatStatus(node, stored);
    await beatLease(node);
  }

  async function beatStatus(node: BeatingNode, known?: Node): Promise<void> {
    const stored = known ?? (await nodeClient.get({ name: node.spec.name }));
    const { name } = node.spec;
    const status = nodeStatus(node.spec, stored.status, clock.now(), pressureOf(name));
    await nodeClient.updateStatus({ ...stored, status });
    for (const reason of pressureEvents(stored.status, status))
      recordEvent(stored, 'Normal', reason, `Node ${name} status is now: ${reason}`, { host: name });
    node.statusDueAt = clock.now() + statusPeriodMs(periodMs);
  }

  async function beatLease(node: BeatingNode): Promise<void> {
    const name = node.spec.name;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: leaseSeconds(periodMs),
      renewTime: formatMicroTime(clock.now()),
    };
    const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.uid };
    const fresh: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: leaseNamespace, ownerReferences: [owner] },
      spec,
    };
    const ref = { namespace: leaseNamespace, name };
    try {
      if (node.lease === undefined) {
        try {
          node.lease = await leaseClient.create(fresh);
          return;
        } catch (error) {
          if (!isAlreadyExists(error)) throw error;
          node.lease = await leaseClient.get(ref);
        }
      }
      const metadata = { ...node.lease.metadata, ownerReferences: [owner] };
      node.lease = await leaseClient.update({ ...node.lease, metadata, spec: { ...node.lease.spec, ...spec } });
    } catch (error) {
      // Read or made anew at the next beat.
      node.lease = undefined;
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
  }

  async function beat(node: BeatingNode): Promise<void> {
    if (isDown(node.spec.name)) {
      // Back again, it reports at once.
      node.statusDueAt = 0;
      return;
    }
    try {
      await beatLease(node);
      if (node.statusDueAt <= clock.now()) await beatStatus(node);
    } catch (error) {
      if (isNotFound(error)) await registerNode(node).catch(() => {});
      else logger.warn('Heartbeat failed', { node: node.spec.name, err: error });
    }
  }

  return {
    changed(name) {
      const node = beating.find(({ spec }) => spec.name === name);
      if (node === undefined || isDown(name)) return;
      // Who comes in between is met at the next beat.
      node.statusDueAt = 0;
      void beatStatus(node).catch((error) => logger.debug('Status not told', { node: name, err: error }));
    },
    async register() {
      for (const node of beating) await registerNode(node);
    },
    async run(signal) {
      // Beats are spread over the period, so that many nodes make an even stream and no bursts.
      const pause = periodMs / Math.max(1, beating.length);
      while (!signal.aborted) {
        for (const node of beating) {
          try {
            await clock.sleep(pause, signal);
          } catch {
            return;
          }
          await beat(node);
        }
        if (beating.length === 0) return;
      }
    },
  };
}
