/** A decision as text for people: what came of it, why and what to do first; then how each cluster fared. */
import type { TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { DecisionEntry } from './decision-log.ts';
import { nextSteps } from './next-steps.ts';
import { namesText, table, targetsText, timeText } from './phrases.ts';
import type { ClusterTrace, DivisionTrace, PartyTrace, RunTrace } from './run-trace.ts';

/** Ends with a line break. */
export function decisionText(entry: DecisionEntry): string {
  const { previous, because, cause, generation, at, current, runs } = entry;
  const steps = nextSteps(entry);
  const facts: [string, string][] = [
    ['was', targetsText(previous)],
    ['because', because],
    [
      'decided',
      `${timeText(at)}, generation ${generation}${cause === 'WhatIf' ? ', only as a question' : `, ${cause}`}`,
    ],
  ];
  if (
    cause !== 'WhatIf' &&
    current !== undefined &&
    !same(current.clusters, entry.targets ?? (entry.reason === 'NoClusterFit' ? [] : previous))
  )
    facts.push(['now', `${targetsText(current.clusters)} (generation ${current.generation})`]);
  for (const [i, step] of steps.entries()) facts.push([i === 0 ? 'next' : '', step]);
  const lines = [
    `${entry.binding}: ${outcomeText(entry)}`,
    ...table(facts).map(indented),
    ...runs.flatMap((run) => ['', ...runLines(run, entry)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** One line a binding, those that would move first. Ends with a line break. */
export function summaryText(entries: readonly DecisionEntry[]): string {
  const rows = entries.map((entry) => {
    const { binding, previous, targets = [], error, idle, reason, because } = entry;
    const kept = idle === true || (error !== undefined && reason !== 'NoClusterFit');
    const then = kept ? previous : error === undefined ? targets : [];
    const moves = !same(previous, then);
    const cells = [binding, targetsText(previous), moves ? targetsText(then) : 'the same', error ?? because];
    return { moves, cells };
  });
  const sorted = [...rows.filter(({ moves }) => moves), ...rows.filter(({ moves }) => !moves)];
  const moving = sorted.filter(({ moves }) => moves).length;
  return [
    `${moving} of ${rows.length} would be placed otherwise (-o wide tells all about each)`,
    '',
    ...table([['BINDING', 'IS ON', 'WOULD BE ON', 'BECAUSE'], ...sorted.map(({ cells }) => cells)]),
    '',
  ].join('\n');
}

/** The decisive line. */
export function outcomeText({
  error,
  previous,
  reason,
  targets = [],
  cause,
  idle,
  heldBack,
  current,
}: DecisionEntry): string {
  const would = cause === 'WhatIf';
  const there = current?.clusters ?? previous;
  const stay = there.length === 0 ? '' : `stays on ${targetsText(there)}: `;
  if (heldBack !== undefined) return `${stay === '' ? 'held back: ' : stay}${heldBack}`;
  if (error !== undefined) {
    if (reason !== 'NoClusterFit' && stay !== '') return `${stay}${error}`;
    return `${would ? 'would not be placed' : 'not placed'}: ${error}`;
  }
  if (idle === true && stay !== '') {
    const other = same(there, targets) ? '' : `; a reschedule could place it on ${targetsText(targets)}`;
    return `stays on ${targetsText(there)}${other}`;
  }
  if (targets.length === 0) return would ? 'would be placed nowhere' : 'placed nowhere';
  return `${would ? 'would be placed' : 'placed'} on ${targetsText(targets)}`;
}

export function same(a: readonly TargetCluster[], b: readonly TargetCluster[]): boolean {
  const key = (list: readonly TargetCluster[]): string =>
    list
      .map(({ name, replicas = 0 }) => `${name} ${replicas}`)
      .sort()
      .join();
  return key(a) === key(b);
}

const indented = (line: string): string => `  ${line}`.trimEnd();

/** Clusters that fit but were not chosen are told up to this many. */
const mostLeftOut = 5;

function runLines(run: RunTrace, entry: DecisionEntry): string[] {
  const lines: string[] = [];
  if (run.affinityName !== '')
    lines.push(`affinity ${run.affinityName}: ${run.error ?? `placed on ${targetsText(run.targets ?? [])}`}`);
  const rows = [...fittingRows(run, entry), ...refusedRows(run)];
  if (rows.length > 0) lines.push(...table([['CLUSTER', 'REPLICAS', 'SCORE', 'FITS', 'WHY'], ...rows]));
  if (run.groups.length > 0) {
    const groups = run.groups.map(({ region, clusters, score, chosen }) => [
      region,
      String(clusters),
      String(score),
      chosen ? 'yes' : 'no',
    ]);
    lines.push('', ...table([['REGION', 'CLUSTERS', 'SCORE', 'CHOSEN'], ...groups]));
  }
  const arithmetic = run.divisions.flatMap(divisionText);
  if (arithmetic.length > 0) lines.push('', ...arithmetic);
  return lines;
}

const byName = (a: ClusterTrace, b: ClusterTrace): number => (a.name < b.name ? -1 : 1);

/** Chosen ones, then those that were not. */
function fittingRows(run: RunTrace, entry: DecisionEntry): string[][] {
  const fitting = run.clusters.filter(({ available }) => available !== undefined).sort(byName);
  const targets = new Map((run.targets ?? []).map((target) => [target.name, target]));
  const order = new Map(run.selected.map((name, i) => [name, i]));
  const chosen = fitting.filter(({ name }) => order.has(name));
  const others = fitting.filter(({ name }) => !order.has(name));
  const row = (cluster: ClusterTrace, replicas: string, why: string): string[] => [
    cluster.name,
    replicas,
    String(cluster.score ?? 0),
    limit(cluster.allocatable ?? 0),
    [cluster.tier === undefined ? '' : `tier ${cluster.tier}`, why, estimatesText(cluster, run)]
      .filter((part) => part !== '')
      .join('; '),
  ];
  const rows = chosen.map((cluster) => {
    const target = targets.get(cluster.name);
    const counted = run.divisions.length > 0 ? String(target?.replicas ?? 0) : '-';
    if (run.targets === undefined) return row(cluster, '-', 'fits');
    return row(cluster, counted, partyText(cluster.name, run));
  });
  for (const cluster of others.slice(0, mostLeftOut)) rows.push(row(cluster, '-', whyLeftOut(cluster, run, entry)));
  const rest = others.length - mostLeftOut;
  if (rest > 0) rows.push([`${rest} more`, '-', '', '', 'fit, and were not chosen']);
  return rows;
}

/** One a reason. */
function refusedRows(run: RunTrace): string[][] {
  const byReason = new Map<string, string[]>();
  for (const { name, refusedBy, reason, alsoRefusedBy = [] } of [...run.clusters].sort(byName)) {
    if (reason === undefined) continue;
    const all = refusedBy === undefined ? [reason] : [{ plugin: refusedBy, reason }, ...alsoRefusedBy].map(refusalText);
    const text = all.join('; also ');
    byReason.set(text, [...(byReason.get(text) ?? []), name]);
  }
  return [...byReason].map(([reason, names]) => [namesText(names), '-', '', '', reason]);
}

const refusalText = ({ plugin, reason }: { plugin: string; reason: string }): string => `${plugin}: ${reason}`;

function whyLeftOut(
  cluster: ClusterTrace,
  { selection, groups, selected }: RunTrace,
  { error }: DecisionEntry,
): string {
  if (selected.length === 0 || selection === undefined) return error === undefined ? '' : 'fits';
  const exchange = selection.exchanged?.find(({ out }) => out === cluster.name);
  if (exchange !== undefined) return `gave way to ${exchange.in}, which has more room`;
  if (selection.by === 'region' && groups.some(({ region, chosen }) => region === cluster.region && !chosen))
    return `its region ${cluster.region} was not chosen`;
  const at = selection.by === 'region' ? Math.max(selected.length, selection.cluster?.maxGroups ?? 0) : selected.length;
  return `at most ${at} clusters (spreadConstraints), others come first`;
}

/** Worth a word where several were asked; with one, it is what fits. */
function estimatesText({ estimates = [] }: ClusterTrace, { estimators }: RunTrace): string {
  if (estimates.length < 2) return '';
  return estimates
    .map((answer, i) => `${estimators[i] ?? 'estimator'} ${answer < 0 ? 'does not know' : answer}`)
    .join(', ');
}

/** Nothing to count is told as such, not as the greatest number. */
const limit = (count: number): string => (count >= 2 ** 31 - 1 ? '-' : String(count));

function partyText(name: string, { divisions }: RunTrace): string {
  for (const division of divisions) {
    const party = division.parties.find((candidate) => candidate.name === name);
    if (party !== undefined) return shareText(division, party);
  }
  return '';
}

function shareText({ mode, parties, seats }: DivisionTrace, party: PartyTrace): string {
  const votes = parties.reduce((sum, each) => sum + each.votes, 0);
  const share = `${party.seats} of ${seats}`;
  switch (mode) {
    case 'copy':
      return '';
    case 'unchanged':
      return 'stays';
    case 'weights':
      return `${share}, weight ${party.votes} of ${votes}`;
    case 'scale down':
      return `${share}, had ${party.votes} of ${votes}`;
    default:
      return `${party.kept > 0 ? `${party.kept} stay, ` : ''}${share}${mode === 'scale up' ? ' more' : ''}, room ${party.votes} of ${votes}`;
  }
}

function divisionText({ strategy, mode, seats, ties }: DivisionTrace): string {
  const to = ties === 'ascending' ? 'smaller' : 'larger';
  const tie = `equal claims go to the ${to} name`;
  return {
    copy: `${strategy}: ${seats} for each cluster`,
    weights: `${strategy}: ${seats} shared out by weight, ${tie}`,
    fresh: `${strategy}: all ${seats} shared out anew by room, ${tie}`,
    'scale down': `${strategy}: ${seats} remain, shared out by what was there, ${tie}`,
    'scale up': `${strategy}: ${seats} more, shared out by room, ${tie}; what was placed stays`,
    unchanged: `${strategy}: as many as before, nothing moves`,
  }[mode];
}
