/** GET pods/<name>/log: checks the options as the API server does, then hands lines over as the kubelet does. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { badRequest, type FieldError, fieldError, internalError, invalid } from '../../apimachinery/status-error.ts';
import type { ApiResponse } from '../../apiserver/request.ts';
import type { ConnectHandler, ConnectRequest } from '../../apiserver/server.ts';
import { chooseContainer, findContainerStatus } from './choose-container.ts';
import type { LogLine, PodRuntime, ReadablePod } from './runtime.ts';

/** `runtimeOf` gives the runtime of a pod's node; undefined when the node is not ours. */
export function createPodLogHandler(
  runtimeOf: (node: string) => PodRuntime | undefined,
  now: () => number,
): ConnectHandler {
  return {
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: 'log',
    methods: ['GET'],
    kind: 'Pod',
    handle: async (request) => answer(request, runtimeOf, now),
  };
}

interface LogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines: number | undefined;
  since: number | undefined;
  limitBytes: number | undefined;
}

async function answer(
  connect: ConnectRequest,
  runtimeOf: (node: string) => PodRuntime | undefined,
  now: () => number,
): Promise<ApiResponse> {
  const pod = connect.object as DeepReadonly<Unstructured> as unknown as ReadablePod;
  const options = parseOptions(connect.request.query, connect.name, now());
  const container = chooseContainer(pod, options.container);
  const node = pod.spec?.nodeName;
  if (!node) return text('');
  const runtime = runtimeOf(node);
  if (runtime === undefined) throw internalError(`node ${JSON.stringify(node)} has no kubelet in this cluster`);
  checkStarted(pod, container, options.previous);
  const { signal } = connect.request;
  const { previous, follow, tailLines, since } = options;
  const lines = runtime.logs(pod, { container, previous, follow, tailLines, since, signal });
  if (lines === undefined) {
    if (previous) throw previousNotFound(pod, container);
    throw badRequest(`unable to retrieve container logs for ${pod.metadata.name}/${container}`);
  }
  return {
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: (write) => send(lines, options, write),
  };
}

const text = (body: string): ApiResponse => ({ status: 200, headers: { 'content-type': 'text/plain' }, body });

async function send(
  lines: AsyncIterable<LogLine>,
  options: LogOptions,
  write: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const line of lines) {
    const bytes = Buffer.from(`${options.timestamps ? `${line.time} ` : ''}${line.text}\n`);
    await write(bytes.length <= left ? bytes : bytes.subarray(0, left));
    left -= bytes.length;
    if (left <= 0) return;
  }
}

/** Query values in the forms of the Go API: broken ones are 400, values out of range 422. */
function parseOptions(query: URLSearchParams, name: string, now: number): LogOptions {
  const integer = (key: string): number | undefined => {
    const value = query.get(key);
    if (value === null || value === '') return undefined;
    if (!/^[+-]?\d+$/.test(value))
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    return Number(value);
  };
  const flag = (key: string): boolean => !['', '0', 'false', null].includes(query.get(key));
  const errors: FieldError[] = [];
  const least = (key: string, value: number | undefined, minimum: number, rule: string): void => {
    if (value !== undefined && value < minimum) errors.push(fieldError.invalid(key, value, rule));
  };
  const tailLines = integer('tailLines');
  const sinceSeconds = integer('sinceSeconds');
  const limitBytes = integer('limitBytes');
  const sinceTime = query.get('sinceTime') ?? '';
  const sinceAt = sinceTime === '' ? undefined : Date.parse(sinceTime);
  if (Number.isNaN(sinceAt)) throw badRequest(`parsing time ${JSON.stringify(sinceTime)}: not an RFC 3339 time`);
  // The two streams of a container are kept in one log, in the order of their lines.
  if ((query.get('stream') ?? 'All') !== 'All') errors.push(fieldError.forbidden('stream', 'may not be specified'));
  least('tailLines', tailLines, 0, 'must be greater than or equal to 0');
  least('limitBytes', limitBytes, 1, 'must be greater than 0');
  if (sinceSeconds !== undefined && sinceAt !== undefined)
    errors.push(fieldError.forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else least('sinceSeconds', sinceSeconds, 1, 'must be greater than 0');
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, name, errors);
  return {
    container: query.get('container') ?? '',
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    tailLines,
    since: sinceAt ?? (sinceSeconds === undefined ? undefined : now - sinceSeconds * 1000),
    limitBytes,
  };
}

const previousNotFound = (pod: ReadablePod, container: string) =>
  badRequest(`previous terminated container "${container}" in pod "${pod.metadata.name}" not found`);

function checkStarted(pod: ReadablePod, container: string, previous: boolean): void {
  const status = findContainerStatus(pod, container);
  const where = `container "${container}" in pod "${pod.metadata.name}"`;
  if (status === undefined) throw badRequest(`${where} is not available`);
  if (previous) {
    if (status.lastState?.terminated === undefined) throw previousNotFound(pod, container);
    return;
  }
  const waiting = status.state?.waiting;
  if (waiting === undefined || status.lastState?.terminated !== undefined) return;
  if (waiting.reason === 'ErrImagePull') throw badRequest(`${where} is waiting to start: image can't be pulled`);
  if (waiting.reason === 'ImagePullBackOff')
    throw badRequest(`${where} is waiting to start: trying and failing to pull image`);
  throw badRequest(`${where} is waiting to start: ${waiting.reason}`);
}
