import { systemClock } from '../../apimachinery/clock.ts';
import { resourcePath } from '../../apimachinery/group-version.ts';
import { readText } from '../../client/response.ts';
import { flag } from '../../component/flags.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { memberTarget, type Target } from '../member-access.ts';
import { containerOf, podsBehind, preferredPod } from '../pod-arguments.ts';

const expected =
  "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER] (-C CLUSTER)'.\nPOD or TYPE/NAME is a required argument for the logs command";

export const logsCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    cluster: flag.string('', 'Specify a member cluster.', { shorthand: 'C' }),
    container: flag.string('', 'Print the logs of this container.', { shorthand: 'c' }),
    follow: flag.bool(false, 'Specify if the logs should be streamed.', { shorthand: 'f' }),
    previous: flag.bool(false, 'Print the logs for the previous instance of the container in a pod if it exists.', {
      shorthand: 'p',
    }),
    'all-containers': flag.bool(false, "Get all containers' logs in the pod(s)."),
    selector: flag.string('', 'Selector (label query) to filter on.', { shorthand: 'l' }),
    since: flag.duration(0, 'Only return logs newer than a relative duration like 5s, 2m, or 3h.'),
    'since-time': flag.string('', 'Only return logs after a specific date (RFC3339).'),
    tail: flag.int(
      -1,
      'Lines of recent log file to display. Defaults to -1, showing all log lines; 10 with a selector.',
    ),
    timestamps: flag.bool(false, 'Include timestamps on each line in the log output.'),
    'limit-bytes': flag.int(0, 'Maximum bytes of logs to return. Defaults to no limit.'),
    'all-pods': flag.bool(false, 'Get logs from all pod(s). Sets prefix to true.'),
    'ignore-errors': flag.bool(
      false,
      'If watching / following pod logs, allow for any errors that occur to be non-fatal.',
    ),
    'insecure-skip-tls-verify-backend': flag.bool(
      false,
      'Skip verifying the identity of the kubelet that logs are requested from.',
    ),
    'pod-running-timeout': flag.duration(
      20_000,
      'The length of time (like 5s, 2m, or 3h, higher than zero) to wait until at least one pod is running.',
    ),
    'max-log-requests': flag.int(5, 'Specify maximum number of concurrent logs to follow when using by a selector.'),
    prefix: flag.bool(false, 'Prefix each log line with the log source (pod name and container name).'),
  },
  async run({ values, given, args, io, signal }) {
    if (values.cluster === '') throw new Error('must specify a cluster');
    if (args.length === 0 && values.selector === '') throw new Error(expected);
    if (args.length > 0 && values.selector !== '') throw new Error('only a selector (-l) or a POD name is allowed');
    if (args.length > 2) throw new Error(expected);
    if (values.since !== 0 && values['since-time'] !== '')
      throw new Error('at most one of `sinceTime` or `sinceSeconds` may be specified');
    const controlPlane = controlPlaneClient(values);
    const namespace = values.namespace || controlPlane.namespace;
    const target = await memberTarget(controlPlane, values.cluster, signal);
    const found =
      args[0] === undefined
        ? (await target.client.resource<Pod>(pods).list({ namespace, labelSelector: values.selector, signal })).items
        : await oncePodExists(values['pod-running-timeout'], signal, async () => {
            const behind = await podsBehind(target, namespace, args[0] ?? '', signal, 'get the logs from');
            return values['all-pods'] ? behind : behind.length === 0 ? [] : [preferredPod(behind)];
          });
    if (found.length === 0) io.stderr(`No resources found in ${namespace} namespace.\n`);
    const tail = given.has('tail') ? values.tail : values.selector === '' ? -1 : 10;
    const query = new URLSearchParams();
    const set = (name: string, value: string | number, wanted: boolean): void => {
      if (wanted) query.set(name, String(value));
    };
    set('follow', 'true', values.follow);
    set('previous', 'true', values.previous);
    set('timestamps', 'true', values.timestamps);
    set('tailLines', tail, tail >= 0);
    set('sinceSeconds', Math.ceil(values.since / 1000), values.since > 0);
    set('sinceTime', values['since-time'], values['since-time'] !== '');
    set('insecureSkipTLSVerifyBackend', 'true', values['insecure-skip-tls-verify-backend']);
    set('limitBytes', values['limit-bytes'], values['limit-bytes'] > 0);
    const sources = found.flatMap((pod) => {
      const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ name }) => name);
      const names = values['all-containers'] ? all : [containerOf(pod, values.container || (args[1] ?? ''))];
      return names.map((container) => ({ pod, container }));
    });
    const most = values['max-log-requests'];
    if (values.follow && sources.length > most)
      throw new Error(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${most}, use --max-log-requests to increase the limit`,
      );
    const print = async ({ pod, container }: (typeof sources)[number]): Promise<void> => {
      const prefix = values.prefix || values['all-pods'] ? `[pod/${pod.metadata.name}/${container}] ` : '';
      try {
        await stream(target, pod, new URLSearchParams([...query, ['container', container]]), prefix, io, signal);
      } catch (error) {
        if (!values['ignore-errors'] || signal.aborted) throw error;
        io.stderr(`error: ${(error as Error).message}\n`);
      }
    };
    if (values.follow) await Promise.all(sources.map(print));
    else for (const source of sources) await print(source);
  },
});

/** Behind `TYPE/NAME` there may be no pod yet: it is waited for. */
async function oncePodExists(timeoutMs: number, signal: AbortSignal, find: () => Promise<Pod[]>): Promise<Pod[]> {
  if (timeoutMs <= 0) throw new Error('--pod-running-timeout must be higher than zero');
  const deadline = systemClock.now() + timeoutMs;
  for (;;) {
    const found = await find();
    if (found.length > 0) return found;
    if (systemClock.now() > deadline) throw new Error('timed out waiting for the condition');
    await systemClock.sleep(500, signal);
  }
}

async function stream(
  target: Target,
  pod: Pod,
  query: URLSearchParams,
  prefix: string,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const ref = { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' };
  const response = await target.client.transport.request({
    method: 'GET',
    path: `${resourcePath(pods, ref, 'log')}?${query}`,
    headers: { accept: '*/*' },
    signal,
  });
  if (response.status >= 400) await readText(response, 'GET');
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of response.body) {
      if (prefix === '') {
        io.stdout(decoder.decode(chunk, { stream: true }));
        continue;
      }
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      io.stdout(lines.map((line) => `${prefix}${line}\n`).join(''));
    }
  } catch (error) {
    // Ctrl-C is how following ends.
    if (!signal.aborted) throw error;
  }
  if (rest !== '') io.stdout(`${prefix}${rest}`);
}
