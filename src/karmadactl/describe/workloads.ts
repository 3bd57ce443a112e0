/** The kinds that make pods. */
import type * as batch from 'kubernetes-types/batch/v1.d.ts';
import { deepEqual } from '../../apimachinery/object.ts';
import { isControlledBy } from '../../apimachinery/owner-references.ts';
import { labelsText, type Selector, selectorText } from '../../kubernetes/printing/formats.ts';
import { humanDuration } from '../../kubernetes/printing/human-duration.ts';
import { pods, replicaSets } from '../../kubernetes/resource-types.ts';
import type {
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  Pod,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from '../../kubernetes/types.ts';
import { claimTemplates } from './claims.ts';
import type { Page } from './page.ts';
import { podTemplate } from './pods.ts';
import { orElse, type Related } from './related.ts';
import {
  boolText,
  conditionTable,
  controllerLine,
  head,
  labelsAndAnnotations,
  optionalText,
  timeText,
} from './texts.ts';

export async function describeDeployment(page: Page, object: Deployment, related: Related): Promise<void> {
  const { metadata, spec, status } = object;
  head(page, object);
  page.line(0, 'CreationTimestamp:', timeText(metadata.creationTimestamp));
  labelsAndAnnotations(page, object);
  page.line(0, 'Selector:', selectorText(spec?.selector, ''));
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, unavailableReplicas = 0 } = status ?? {};
  page.line(
    0,
    'Replicas:',
    `${spec?.replicas ?? 1} desired | ${updatedReplicas} updated | ${replicas} total | ${availableReplicas} available | ${unavailableReplicas} unavailable`,
  );
  page.line(0, 'StrategyType:', spec?.strategy?.type ?? '');
  page.line(0, 'MinReadySeconds:', String(spec?.minReadySeconds ?? 0));
  const rolling = spec?.strategy?.rollingUpdate;
  if (rolling !== undefined)
    page.line(
      0,
      'RollingUpdateStrategy:',
      `${rolling.maxUnavailable ?? 0} max unavailable, ${rolling.maxSurge ?? 0} max surge`,
    );
  podTemplate(page, spec?.template);
  conditionTable(page, status?.conditions);
  const own = await orElse(replicaSetsOf(object, related), []);
  if (own.length === 0) return;
  const current = newest(object, own);
  page.line(0, 'OldReplicaSets:', replicaSetTexts(own.filter((one) => one !== current)));
  page.line(0, 'NewReplicaSet:', replicaSetTexts(current === undefined ? [] : [current]));
}

async function replicaSetsOf(deployment: Deployment, related: Related): Promise<ReplicaSet[]> {
  const { metadata, spec } = deployment;
  const labelSelector = selectorText(spec?.selector, '');
  const all = await related.list<ReplicaSet>(replicaSets, { namespace: metadata.namespace, labelSelector });
  return all.filter((one) => isControlledBy(one, deployment));
}

/** The oldest of those with the deployment's own template. */
function newest({ spec }: Deployment, own: readonly ReplicaSet[]): ReplicaSet | undefined {
  const comparable = (template: unknown): unknown => {
    const { metadata, ...rest } = (template ?? {}) as { metadata?: { labels?: Record<string, string> } };
    const { 'pod-template-hash': _, ...labels } = metadata?.labels ?? {};
    return { ...rest, metadata: { ...metadata, labels } };
  };
  const wanted = comparable(spec?.template);
  return own
    .filter((one) => deepEqual(comparable(one.spec?.template), wanted))
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1))[0];
}

function replicaSetTexts(sets: readonly ReplicaSet[]): string {
  const texts = sets.map(
    ({ metadata, spec, status }) =>
      `${metadata.name} (${status?.replicas ?? 0}/${spec?.replicas ?? 1} replicas created)`,
  );
  return optionalText(texts.join(', '), '<none>');
}

/** How many pods of the object are in each phase. */
async function podStatus(
  object: Parameters<typeof isControlledBy>[1],
  labelSelector: string,
  related: Related,
): Promise<string> {
  const all = await related.list<Pod>(pods, { namespace: object.metadata.namespace, labelSelector });
  const own = all.filter((pod) => isControlledBy(pod, object));
  const count = (phase: string): number => own.filter(({ status }) => status?.phase === phase).length;
  return `${count('Running')} Running / ${count('Pending')} Waiting / ${count('Succeeded')} Succeeded / ${count('Failed')} Failed`;
}

export async function describeReplicaSet(page: Page, object: ReplicaSet, related: Related): Promise<void> {
  const { metadata, spec, status } = object;
  head(page, object);
  page.line(0, 'Selector:', selectorText(spec?.selector));
  labelsAndAnnotations(page, object);
  controllerLine(page, metadata.ownerReferences);
  page.line(0, 'Replicas:', `${status?.replicas ?? 0} current / ${spec?.replicas ?? 1} desired`);
  const pods = await podStatus(object, selectorText(spec?.selector, ''), related).catch(
    (error) => `error in fetching pods: ${error.message}`,
  );
  page.line(0, 'Pods Status:', pods);
  podTemplate(page, spec?.template);
  conditionTable(page, status?.conditions);
}

export async function describeReplicationController(
  page: Page,
  object: ReplicationController,
  related: Related,
): Promise<void> {
  const { spec, status } = object;
  const pods = await podStatus(object, selectorText({ matchLabels: spec?.selector }, ''), related);
  head(page, object);
  page.line(0, 'Selector:', labelsText(spec?.selector));
  labelsAndAnnotations(page, object);
  page.line(0, 'Replicas:', `${status?.replicas ?? 0} current / ${spec?.replicas ?? 1} desired`);
  page.line(0, 'Pods Status:', pods);
  podTemplate(page, spec?.template);
  conditionTable(page, status?.conditions);
}

export async function describeStatefulSet(page: Page, object: StatefulSet, related: Related): Promise<void> {
  const { metadata, spec, status } = object;
  const selector = selectorText(spec?.selector, '');
  const pods = await podStatus(object, selector, related);
  head(page, object);
  page.line(0, 'CreationTimestamp:', timeText(metadata.creationTimestamp));
  page.line(0, 'Selector:', selector);
  labelsAndAnnotations(page, object);
  page.line(0, 'Replicas:', `${spec?.replicas ?? 1} desired | ${status?.replicas ?? 0} total`);
  page.line(0, 'Update Strategy:', spec?.updateStrategy?.type ?? '');
  const rolling = spec?.updateStrategy?.rollingUpdate as
    | { partition?: number; maxUnavailable?: number | string }
    | undefined;
  if (rolling?.partition !== undefined) {
    page.line(1, 'Partition:', String(rolling.partition));
    if (rolling.maxUnavailable !== undefined) page.line(1, 'MaxUnavailable:', String(rolling.maxUnavailable));
  }
  page.line(0, 'Pods Status:', pods);
  podTemplate(page, spec?.template);
  claimTemplates(page, spec?.volumeClaimTemplates as Parameters<typeof claimTemplates>[1]);
}

export async function describeDaemonSet(page: Page, object: DaemonSet, related: Related): Promise<void> {
  const { spec, status } = object;
  const selector = selectorText(spec?.selector, '');
  const pods = await podStatus(object, selector, related);
  head(page, object);
  page.line(0, 'Selector:', selector);
  page.line(0, 'Node-Selector:', labelsText(spec?.template.spec?.nodeSelector));
  labelsAndAnnotations(page, object);
  page.line(0, `Desired Number of Nodes Scheduled: ${status?.desiredNumberScheduled ?? 0}`);
  page.line(0, `Current Number of Nodes Scheduled: ${status?.currentNumberScheduled ?? 0}`);
  page.line(0, `Number of Nodes Scheduled with Up-to-date Pods: ${status?.updatedNumberScheduled ?? 0}`);
  page.line(0, `Number of Nodes Scheduled with Available Pods: ${status?.numberAvailable ?? 0}`);
  page.line(0, `Number of Nodes Misscheduled: ${status?.numberMisscheduled ?? 0}`);
  page.line(0, 'Pods Status:', pods);
  podTemplate(page, spec?.template);
}

export function describeJob(page: Page, object: Job): void {
  const { metadata, spec, status } = object;
  head(page, object);
  page.line(0, 'Selector:', selectorText(spec?.selector as Selector, ''));
  labelsAndAnnotations(page, object);
  controllerLine(page, metadata.ownerReferences);
  const setting = (title: string, value: number | string | boolean | undefined, unit = ''): void => {
    if (value !== undefined) page.line(0, title, `${value}${unit}`);
  };
  setting('Parallelism:', spec?.parallelism);
  page.line(0, 'Completions:', optionalText(spec?.completions));
  setting('Completion Mode:', spec?.completionMode);
  setting('Suspend:', spec?.suspend);
  setting('Backoff Limit:', spec?.backoffLimit);
  setting('TTL Seconds After Finished:', spec?.ttlSecondsAfterFinished);
  const { startTime, completionTime, active = 0, succeeded = 0, failed = 0, completedIndexes } = status ?? {};
  if (startTime !== undefined) page.line(0, 'Start Time:', timeText(startTime));
  if (completionTime !== undefined) page.line(0, 'Completed At:', timeText(completionTime));
  if (startTime !== undefined && completionTime !== undefined)
    page.line(0, 'Duration:', humanDuration(Date.parse(completionTime) - Date.parse(startTime)));
  setting('Active Deadline Seconds:', spec?.activeDeadlineSeconds, 's');
  const { ready } = (status ?? {}) as { ready?: number };
  const readyText = ready === undefined ? '' : ` (${ready} Ready)`;
  page.line(0, 'Pods Statuses:', `${active} Active${readyText} / ${succeeded} Succeeded / ${failed} Failed`);
  if (spec?.completionMode === 'Indexed') page.line(0, 'Completed Indexes:', indexesText(completedIndexes ?? ''));
  podTemplate(page, spec?.template);
}

/** Cut at the first comma behind fifty characters. */
function indexesText(indexes: string): string {
  const comma = indexes.indexOf(',', 50);
  return comma < 0 ? optionalText(indexes, '<none>') : `${indexes.slice(0, comma + 1)}...`;
}

export function describeCronJob(page: Page, object: CronJob): void {
  const { spec, status } = object;
  head(page, object);
  labelsAndAnnotations(page, object);
  page.line(0, 'Schedule:', spec?.schedule ?? '');
  page.line(0, 'Concurrency Policy:', spec?.concurrencyPolicy ?? '');
  page.line(0, 'Suspend:', spec?.suspend === undefined ? '<unset>' : boolText(spec.suspend));
  page.line(0, 'Successful Job History Limit:', optionalText(spec?.successfulJobsHistoryLimit));
  page.line(0, 'Failed Job History Limit:', optionalText(spec?.failedJobsHistoryLimit));
  const deadline = spec?.startingDeadlineSeconds;
  page.line(0, 'Starting Deadline Seconds:', deadline === undefined ? '<unset>' : `${deadline}s`);
  jobTemplate(page, spec?.jobTemplate.spec);
  const last = status?.lastScheduleTime;
  page.line(0, 'Last Schedule Time:', last === undefined ? '<unset>' : timeText(last));
  page.line(0, 'Active Jobs:', optionalText((status?.active ?? []).map(({ name }) => name).join(', '), '<none>'));
}

function jobTemplate(page: Page, spec: batch.JobSpec | undefined): void {
  page.line(0, 'Selector:', spec?.selector === undefined ? '<unset>' : selectorText(spec.selector as Selector, ''));
  page.line(0, 'Parallelism:', optionalText(spec?.parallelism));
  page.line(0, 'Completions:', optionalText(spec?.completions));
  if (spec?.activeDeadlineSeconds !== undefined)
    page.line(0, 'Active Deadline Seconds:', `${spec.activeDeadlineSeconds}s`);
  podTemplate(page, spec?.template);
}
