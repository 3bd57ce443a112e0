/** A decision as text for people. */
import type { TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { DecisionEntry } from './decision-log.ts';
import type { ClusterTrace, DivisionTrace, RunTrace } from './run-trace.ts';

/** Ends with a line break. */
export function decisionText(entry: DecisionEntry): string {
  const lines = [
    `${entry.binding}  generation ${entry.generation}, ${new Date(entry.at).toISOString()}, ${entry.cause}`,
    `replicas ${entry.replicas}, before: ${targetsText(entry.previous)}`,
    ...entry.runs.flatMap(runLines),
    entry.error === undefined ? `placed: ${targetsText(entry.targets ?? [])}` : `not placed: ${entry.error}`,
  ];
  return `${lines.join('\n')}\n`;
}

function runLines(run: RunTrace): string[] {
  const title = run.affinityName === '' ? 'clusters' : `clusters for the affinity ${run.affinityName}`;
  const lines = [
    run.fresh ? `${title}, a reschedule was asked for` : title,
    ...table([...run.clusters].sort(byName).map((cluster) => clusterCells(cluster, run))),
  ];
  for (const { name, reason } of run.ignoredEstimators) lines.push(`  ignored: ${name}: ${reason}`);
  if (run.groups.length > 0) {
    lines.push('regions');
    lines.push(
      ...table(
        run.groups.map(({ region, clusters, score, chosen }) => [
          region,
          `clusters ${clusters}`,
          `score ${score}`,
          chosen ? 'chosen' : '',
        ]),
      ),
    );
  }
  if (run.selected.length > 0) lines.push(`selected: ${run.selected.join(', ')}`);
  for (const division of run.divisions) lines.push(...divisionLines(division));
  if (run.affinityName !== '' && run.error !== undefined) lines.push(`failed: ${run.error}`);
  return lines;
}

const byName = (a: ClusterTrace, b: ClusterTrace): number => (a.name < b.name ? -1 : 1);

function clusterCells(cluster: ClusterTrace, run: RunTrace): string[] {
  if (cluster.refusedBy !== undefined) return [cluster.name, 'refused', `${cluster.refusedBy}: ${cluster.reason}`];
  if (cluster.reason !== undefined) return [cluster.name, 'left out', cluster.reason];
  const estimates = (cluster.estimates ?? []).map(
    (answer, i) => `${run.estimators[i] ?? 'estimator'} ${answer < 0 ? 'does not know' : answer}`,
  );
  const tier = cluster.tier === undefined ? [] : [`tier ${cluster.tier}`];
  const room = cluster.available === undefined ? [] : [`room ${limit(cluster.available)}`];
  return [cluster.name, 'passed', [`score ${cluster.score ?? 0}`, ...room, ...estimates, ...tier].join(', ')];
}

/** Nothing to count is told as such, not as the greatest number. */
const limit = (count: number): string => (count >= 2 ** 31 - 1 ? 'unlimited' : String(count));

function divisionLines({ strategy, mode, seats, ties, parties }: DivisionTrace): string[] {
  const heading = {
    copy: `${seats} for each`,
    weights: `${seats} by weight, ties by name ${ties}`,
    fresh: `${seats} anew by room, ties by name ${ties}`,
    'scale down': `${seats} left, shared by what is there, ties by name ${ties}`,
    'scale up': `${seats} more by room, ties by name ${ties}`,
    unchanged: 'as many as before: nothing moves',
  }[mode];
  const votes = parties.reduce((sum, party) => sum + party.votes, 0);
  return [
    `${strategy}: ${heading}`,
    ...table(
      parties.map((party) => [
        party.name,
        ...(mode === 'copy' || mode === 'unchanged' ? [] : [`${party.votes} of ${votes}`]),
        `${party.kept} + ${party.seats} = ${party.kept + party.seats}`,
      ]),
    ),
  ];
}

function targetsText(targets: readonly TargetCluster[]): string {
  if (targets.length === 0) return 'none';
  return targets.map(({ name, replicas }) => (replicas === undefined ? name : `${name} ${replicas}`)).join(', ');
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}
