/** Entry of a Lua worker thread: one question at a time, until it is terminated. */
import { parentPort } from 'node:worker_threads';
import type { CallOutcome, CallRequest, WorkerAnswer, WorkerRequest } from './protocol.ts';
import { createMachine, loadFengari } from './vm.ts';

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');
const machine = createMachine(await loadFengari());
port.on('message', (request: WorkerRequest) => {
  let outcome: CallOutcome;
  if ('compile' in request) {
    const wrong = machine.compile(request.compile.chunk, request.compile.script);
    outcome = wrong === undefined ? { values: [] } : { error: wrong };
  } else outcome = machine.call(JSON.parse(request.call) as CallRequest);
  port.postMessage({ id: request.id, outcome: JSON.stringify(outcome) } satisfies WorkerAnswer);
});
port.postMessage({ ready: true } satisfies WorkerAnswer);
