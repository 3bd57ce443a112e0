/** How the object fares in the member: what was reported of it, and why it is not healthy. Pure. */
import type { Condition, DeepReadonly } from '../../apimachinery/object.ts';
import { eventReason } from '../../apis/constants.ts';
import { argumentsOf, eventTime, interpreterNext, lastFailure, overdue, sinceOf, type WhyFacts } from './facts.ts';
import { type Check, replicaText } from './place.ts';

export const notReported: Check = (facts, { name, work, applied }) => {
  const [reported] = work?.status?.manifestStatuses ?? [];
  const inMember = `${argumentsOf(facts)} -s members -C ${name}`;
  const uid = work?.metadata.uid;
  const reflect = lastFailure(facts, uid, eventReason.reflectStatusFailed, eventReason.reflectStatusSucceed);
  if (reflect !== undefined)
    return {
      cause: 'StatusInterpreterFailed',
      severity: 'stuck',
      message: `its status in ${name} cannot be read: ${reflect.message}`,
      since: eventTime(reflect),
      next: interpreterNext(reflect.message),
    };
  if (reported === undefined)
    return {
      cause: 'NoStatusYet',
      severity: overdue(facts, sinceOf(applied)),
      message: `${name} has it, and has not reported its status yet`,
      since: sinceOf(applied),
      next: `karmadactl get ${inMember}`,
    };
  if (reported.health === 'Unknown') {
    const health = lastFailure(facts, uid, eventReason.interpretHealthFailed, eventReason.interpretHealthSucceed);
    return {
      cause: 'HealthInterpreterFailed',
      severity: 'stuck',
      message: `whether it is healthy in ${name} cannot be told${health === undefined ? '' : `: ${health.message}`}`,
      since: health && eventTime(health),
      next: interpreterNext(health?.message),
    };
  }
  if (reported.health !== 'Unhealthy') return undefined;
  const why = [replicaText(reported.status), ...badConditions(reported.status)].filter((text) => text !== undefined);
  return {
    cause: 'Unhealthy',
    severity: overdue(facts, sinceOf(applied)),
    message: `it runs in ${name} and is not healthy${why.length > 0 ? `: ${why.join('; ')}` : ''}`,
    since: sinceOf(applied),
    next: nextForUnhealthy(facts, inMember, name),
  };
};

function badConditions(status: DeepReadonly<Record<string, unknown>> | undefined): string[] {
  const conditions = status?.['conditions'];
  if (!Array.isArray(conditions)) return [];
  return (conditions as Partial<Condition>[])
    .filter(({ status: value, type }) => (type === 'ReplicaFailure' ? value === 'True' : value === 'False'))
    .map(({ reason = '', message = '' }) => `${reason}: ${message}`.replace(/^: |: $/g, ''));
}

/** The pods say why, where there are pods. */
function nextForUnhealthy(facts: WhyFacts, inMember: string, name: string): string {
  const spec = facts.template['spec'] as { selector?: { matchLabels?: Record<string, string> } } | undefined;
  const labels = Object.entries(spec?.selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  if (labels.length === 0) return `karmadactl describe ${inMember}`;
  return `karmadactl describe pods -l ${labels.join(',')} -n ${facts.template.metadata.namespace} -s members -C ${name}`;
}
