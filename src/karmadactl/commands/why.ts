import { systemClock } from '../../apimachinery/clock.ts';
import { resolveSource } from '../../client/connection.ts';
import { loadKubeconfig } from '../../client/kubeconfig/load.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient, type KarmadaFlagValues } from '../clients.ts';
import { defineCommand, karmadaFlags, namespaceFlag, UsageError } from '../command.ts';
import { formatObject } from '../printing/objects.ts';
import { resolveArguments } from '../resource-arguments.ts';
import { schedulerAsker } from '../why/ask-scheduler.ts';
import { collectFacts } from '../why/collect.ts';
import { quoted } from '../why/facts.ts';
import { type WhyReport, whyReport } from '../why/report.ts';
import { reportText } from '../why/report-text.ts';

export const whyCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    output: flag.string('', 'Output format. One of: (json, yaml). Default: text.', { shorthand: 'o' }),
    'decisions-server': flag.string(
      '',
      'Where the scheduler tells of its decisions (its --decisions-bind-address), as https://HOST:PORT. Without it the placement is computed anew.',
    ),
    'decisions-token': flag.string('', "Bearer token for --decisions-server. Default: the kubeconfig's."),
    'decisions-certificate-authority': flag.string(
      '',
      'Path of the authority that --decisions-server is checked with.',
    ),
    'decisions-insecure-skip-tls-verify': flag.bool(
      false,
      'Do not check the certificate of --decisions-server: whoever answers there gets the token.',
    ),
  },
  async run({ values, args, io, signal, executable }) {
    const { output } = values;
    if (output !== '' && output !== 'json' && output !== 'yaml')
      throw new Error(
        `unable to match a printer suitable for the output format "${output}", allowed formats are: json,yaml`,
      );
    const connected = controlPlaneClient(values);
    const requests = args.length === 0 ? [] : await resolveArguments(connected.client, args, signal);
    const [request, ...more] = requests;
    const [name, ...others] = request?.names ?? [];
    if (request === undefined || name === undefined || more.length > 0 || others.length > 0)
      throw new UsageError('one resource is needed: RESOURCE NAME, or RESOURCE/NAME');
    const { type } = request;
    const server = values['decisions-server'];
    const token = values['decisions-token'] || (await resolveSource(connected.connection.token)) || '';
    const facts = await collectFacts({
      client: connected.client,
      type,
      name,
      namespace: type.namespaced ? values.namespace || connected.namespace : '',
      askScheduler:
        server === ''
          ? undefined
          : schedulerAsker(
              {
                server,
                token,
                authorityFile: values['decisions-certificate-authority'],
                skipVerify: values['decisions-insecure-skip-tls-verify'],
              },
              signal,
            ),
      signal,
    });
    const report = withFlags(
      whyReport(facts),
      facts.clusters.map(({ metadata }) => metadata.name ?? ''),
      values,
      executable,
    );
    io.stdout(output === '' ? reportText(report, systemClock.now()) : await formatObject(report, output));
  },
});

/**
 * The commands of the report reach the control plane as this one did; those for the host or for a member go through a context of the
 * kubeconfig, when there is one that can only be it.
 */
function withFlags(
  report: WhyReport,
  clusterNames: readonly string[],
  values: KarmadaFlagValues,
  executable: string,
): WhyReport {
  const config = loadKubeconfig(values.kubeconfig);
  const contexts = config.contexts.map(({ name }) => name);
  const current = values['karmada-context'] || config['current-context'];
  const others = contexts.filter((name) => name !== current && !clusterNames.includes(name));
  const shown = (name: 'kubeconfig' | 'karmada-context', as: string = name): string =>
    values[name] === '' ? '' : `--${as}=${shellWord(values[name])} `;
  const ours = `${shown('kubeconfig')}${shown('karmada-context')}`;
  const host = others.length === 1 ? `${shown('kubeconfig')}--context=${shellWord(others[0] ?? '')} ` : '';
  const adapt = (line: string): string => {
    const member = /^kubectl --context (\S+) /.exec(line)?.[1];
    if (member !== undefined)
      return contexts.includes(member)
        ? line.replace(/^kubectl /, `kubectl ${shown('kubeconfig')}`)
        : line.replace(/^kubectl --context \S+ /, 'kubectl ').concat(`   # in cluster ${member}`);
    if (line.startsWith('kubectl '))
      return host === ''
        ? `${line}   # in the cluster that Karmada runs on`
        : line.replace(/^kubectl /, `kubectl ${host}`);
    return line.replace(/(^|\| )karmadactl /g, `$1${executable} ${ours}`);
  };
  const problems = report.problems.map((problem) =>
    problem.next === undefined ? problem : { ...problem, next: adapt(problem.next) },
  );
  return { ...report, problems, ...(report.next === undefined ? {} : { next: adapt(report.next) }) };
}

const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : quoted(text));
