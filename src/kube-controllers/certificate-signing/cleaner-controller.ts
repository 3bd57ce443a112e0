/** Deletes CertificateSigningRequests that nobody waits for any more. Key: the request's name. */
import { X509Certificate } from 'node:crypto';
import { systemClock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { createController, type ReconcileResult } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { certificateSigningRequests } from '../../kubernetes/resource-types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { isIssued, type Request, requestInformer } from './requests.ts';

const hour = 3_600_000;

export function createCleanerController(dependencies: ControllerDependencies): Runnable {
  const { client, logger, registry, clock = systemClock } = dependencies;
  const informer = requestInformer(dependencies);

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const request = informer.get(name);
    if (request === undefined || request.metadata.deletionTimestamp) return undefined;
    const left = deadlineOf(request) - clock.now();
    if (left > 0) return { requeueAfter: left };
    const { uid } = request.metadata;
    try {
      const preconditions = uid === undefined ? undefined : { uid };
      await client.resource(certificateSigningRequests).delete({ name }, { preconditions, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  const controller = createController({
    name: 'certificatesigningrequest-cleaner-controller',
    reconcile,
    maxDelay: 60_000,
    logger,
    registry,
    clock,
  });
  const enqueue = ({ metadata }: { metadata: { readonly name?: string } }): void =>
    controller.enqueue(metadata.name ?? '');
  informer.addHandler({ added: enqueue, updated: enqueue });
  return {
    name: controller.name,
    async run(signal) {
      await informer.whenSynced(signal);
      await controller.run(signal);
    },
  };
}

/**
 * Milliseconds since the epoch: an hour after it was decided (issued, denied, failed), a day while it waits for a decision or
 * for its signer, and at the end of the certificate at the latest.
 */
export function deadlineOf(request: Request): number {
  const { conditions = [] } = request.status ?? {};
  const since = (type: string): number | undefined => {
    const condition = conditions.find((candidate) => candidate.type === type && candidate.status === 'True');
    const time = Date.parse(condition?.lastUpdateTime ?? '');
    return condition === undefined || Number.isNaN(time) ? undefined : time;
  };
  const decided = [since('Denied'), since('Failed'), isIssued(request) ? since('Approved') : undefined]
    .filter((time) => time !== undefined)
    .map((time) => time + hour);
  const created = Date.parse(request.metadata.creationTimestamp ?? '') || 0;
  return Math.min(...decided, created + (decided.length > 0 ? Number.POSITIVE_INFINITY : 24 * hour), endOf(request));
}

function endOf({ status }: Request): number {
  if (!status?.certificate) return Number.POSITIVE_INFINITY;
  try {
    return Date.parse(new X509Certificate(Buffer.from(status.certificate, 'base64')).validTo);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
