/** pods/exec and pods/attach: checks what is asked as the API server does, then connects the caller with the runtime. */
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import { badRequest, internalError, type Status, statusFailure } from '../../../apimachinery/status-error.ts';
import type { ApiResponse, UpgradedConnection } from '../../../apiserver/request.ts';
import type { ConnectHandler, ConnectRequest } from '../../../apiserver/server.ts';
import { chooseContainer, findContainerStatus } from '../choose-container.ts';
import type { PodRuntime, ReadablePod } from '../runtime.ts';
import { asksForSpdy, chooseExecProtocol, serveSpdyStreams, type WantedStreams } from './spdy-streams.ts';
import { checkStreamingProtocol, type RemoteStreams, serveStreams } from './websocket-channels.ts';

type RuntimeOf = (node: string) => PodRuntime | undefined;

const success: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } as Status;

/** `runtimeOf` gives the runtime of a pod's node; undefined when the node is not ours. */
export function createPodStreamHandlers(runtimeOf: RuntimeOf): ConnectHandler[] {
  return [
    handler('exec', 'PodExecOptions', (connect) => exec(connect, runtimeOf)),
    handler('attach', 'PodAttachOptions', (connect) => attach(connect, runtimeOf)),
  ];
}

type Work = (streams: RemoteStreams) => Promise<Status>;

function handler(subresource: string, kind: string, prepare: (connect: ConnectRequest) => Work): ConnectHandler {
  return {
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource,
    methods: ['GET', 'POST'],
    kind,
    handle: async () => {
      throw badRequest('Upgrade request required');
    },
    async upgrade(connect): Promise<ApiResponse> {
      // What is wrong with the request itself is said first: clients try a second protocol after any refusal.
      const work = prepare(connect);
      const { signal, query } = connect.request;
      if (asksForSpdy(connect.request)) {
        const protocol = chooseExecProtocol(connect.request);
        const wanted = wantedStreams(query);
        const takeOver = (taken: UpgradedConnection) => serveSpdyStreams(taken, signal, protocol, wanted, work);
        return { status: 101, headers: {}, body: '', takeOver };
      }
      checkStreamingProtocol(connect.request);
      return { status: 101, headers: {}, body: '', takeOver: (taken) => serveStreams(taken, signal, work) };
    },
  };
}

function exec(connect: ConnectRequest, runtimeOf: RuntimeOf): Work {
  const { pod, container, runtime } = target(connect, runtimeOf);
  const command = connect.request.query.getAll('command');
  if (command.length === 0) throw badRequest('you must specify at least 1 command for the container');
  const wanted = wantedStreams(connect.request.query);
  return async (streams) => {
    const code = await runtime.exec(pod, container, command, { ...only(streams, wanted), tty: wanted.tty });
    return code === 0 ? success : nonZero(code);
  };
}

/** A simulated container with `stdin: true` begins its command here. Of others one sees what they write from now on. */
function attach(connect: ConnectRequest, runtimeOf: RuntimeOf): Work {
  const { pod, container, runtime } = target(connect, runtimeOf);
  const wanted = wantedStreams(connect.request.query);
  const spec = [...(pod.spec?.containers ?? []), ...(pod.spec?.ephemeralContainers ?? [])].find(
    ({ name }) => name === container,
  );
  const begin = spec?.stdin === true ? runtime.attach?.bind(runtime) : undefined;
  return async (streams) => {
    if (begin !== undefined) {
      await begin(pod, container, { ...only(streams, wanted), tty: wanted.tty });
      return success;
    }
    const { signal } = streams;
    const request = { container, previous: false, follow: true, tailLines: 0, since: undefined, signal };
    const end = wanted.tty ? '\r\n' : '\n';
    for await (const line of runtime.logs(pod, request) ?? [])
      if (wanted.stdout) await streams.stdout(`${line.text}${end}`);
    return success;
  };
}

function target(connect: ConnectRequest, runtimeOf: RuntimeOf) {
  const pod = connect.object as DeepReadonly<Unstructured> as unknown as ReadablePod;
  const container = chooseContainer(pod, connect.request.query.get('container') ?? '');
  const node = pod.spec?.nodeName;
  if (!node) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const runtime = runtimeOf(node);
  if (runtime === undefined) throw internalError(`node ${JSON.stringify(node)} has no kubelet in this cluster`);
  const status = findContainerStatus(pod, container);
  if (status?.state?.running === undefined)
    throw statusFailure(404, 'NotFound', `unable to upgrade connection: container not found ("${container}")`);
  return { pod, container, runtime };
}

function wantedStreams(query: URLSearchParams): WantedStreams {
  const flag = (key: string): boolean => !['', '0', 'false', null].includes(query.get(key));
  const wanted = { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr'), tty: flag('tty') };
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr)
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  return wanted;
}

async function* nothing(): AsyncGenerator<Buffer> {}

function only(streams: RemoteStreams, wanted: WantedStreams): RemoteStreams {
  const drop = async (): Promise<void> => {};
  return {
    ...streams,
    stdin: wanted.stdin ? streams.stdin : nothing(),
    stdout: wanted.stdout ? streams.stdout : drop,
    stderr: wanted.tty ? streams.stdout : wanted.stderr ? streams.stderr : drop,
  };
}

function nonZero(code: number): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  } as unknown as Status;
}
