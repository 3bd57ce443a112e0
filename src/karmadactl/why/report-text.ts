/** A report for people: the decisive line first, the next step second, then the chain. */
import { humanDuration } from '../../kubernetes/printing/human-duration.ts';
import { decisionText } from '../../scheduler/why/decision-text.ts';
import { formatColumns } from '../printing/columns.ts';
import type { WhyReport } from './report.ts';

const words: Readonly<Record<WhyReport['state'], string>> = {
  Fine: 'Fine',
  InProgress: 'In progress',
  Stuck: 'Stuck',
};

/** `now` in ms. */
export function reportText(report: WhyReport, now: number): string {
  const age = (time: string | undefined): string =>
    time === undefined ? '' : `${humanDuration(now - Date.parse(time))} ago`;
  const head = [`${words[report.state]}${report.cause === undefined ? '' : ` (${report.cause})`}: ${report.summary}`];
  if (report.next !== undefined) head.push(`Next: ${report.next}`);
  const sections = [head.join('\n'), policySection(report)];
  if (report.binding !== undefined) sections.push(bindingSection(report, age));
  if (report.members.length > 0) sections.push(memberSection(report, age));
  const others = report.problems.filter(({ cause, next }) => cause !== report.cause || next !== report.next);
  if (others.length > 0) sections.push(otherSection(others, age));
  if (report.unread.length > 0) sections.push(`Not read:\n${report.unread.map((line) => `  ${line}`).join('\n')}`);
  return `${sections.join('\n\n')}\n`;
}

function policySection({ policies, otherPolicies, claimedBy }: WhyReport): string {
  const title = `Policies:${claimedBy === undefined ? '' : ` held by ${claimedBy}`}`;
  const more = `${otherPolicies === 1 ? '1 policy selects' : `${otherPolicies} policies select`} other kinds only`;
  if (policies.length === 0) return `${title} none${otherPolicies > 0 ? `; ${more}` : ''}`;
  const rows = policies.map((policy) => [
    `${policy.kind} ${policy.namespace ? `${policy.namespace}/` : ''}${policy.name}`,
    policy.verdict,
    `priority ${policy.priority}`,
    policy.selects === 'not' ? '' : `selects ${policy.selects}`,
    policy.why,
  ]);
  return [title, indented(columns(rows)), ...(otherPolicies > 0 ? [`  ${more}`] : [])].join('\n');
}

function bindingSection({ binding, decision }: WhyReport, age: (time: string | undefined) => string): string {
  const { name, namespace, generation, observedGeneration, scheduled } = binding as NonNullable<WhyReport['binding']>;
  const seen = observedGeneration === generation ? '' : `, seen by the scheduler: ${observedGeneration}`;
  const title = `Binding: ${namespace ? `${namespace}/` : ''}${name}, made ${age(binding?.createdAt)}, generation ${generation}${seen}`;
  const lines = [title];
  if (scheduled !== undefined)
    lines.push(`Scheduling: ${scheduled.reason} ${age(scheduled.since)}: ${scheduled.message}`);
  if (decision !== undefined) {
    const said =
      decision.source === 'record'
        ? 'from the record of the scheduler'
        : 'no record at hand: as it would be decided now';
    const text = decisionText(decision.entry as never).trimEnd();
    lines.push(`Decision (${said}):`, indented(text.split('\n')));
  }
  return lines.join('\n');
}

function memberSection({ members }: WhyReport, age: (time: string | undefined) => string): string {
  const text = formatColumns({
    headers: ['cluster', 'ready', 'replicas', 'work', 'applied', 'since', 'health', 'status', 'overrides', 'problem'],
    rows: members.map((member) => [
      member.cluster,
      member.ready,
      String(member.replicas ?? '-'),
      member.work ?? '-',
      member.applied ?? '-',
      age(member.since) || '-',
      member.health ?? '-',
      member.status ?? '-',
      member.overrides.join(',') || '-',
      member.problem ?? '-',
    ]),
  });
  return `Members:\n${indented(text.trimEnd().split('\n'))}`;
}

function otherSection(problems: WhyReport['problems'], age: (time: string | undefined) => string): string {
  const lines = problems.flatMap(({ cause, message, since, next }) => [
    `  ${cause}: ${message}${since === undefined ? '' : ` (${age(since)})`}`,
    ...(next === undefined ? [] : [`    ${next}`]),
  ]);
  return ['Also:', ...lines].join('\n');
}

const columns = (rows: readonly (readonly string[])[]): string[] =>
  formatColumns({ headers: [], rows }, false).trimEnd().split('\n');

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}`.trimEnd()).join('\n');
