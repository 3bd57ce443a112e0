/**
 * Lua worker threads: started with the first question, ended when nothing was asked for a while. Scripts never run on the
 * thread that asks. A script that its own limits do not stop is stopped with its thread.
 */
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { type Limit, scriptLimits } from './budget.ts';
import type { CallOutcome, CallRequest, WorkerAnswer, WorkerRequest } from './protocol.ts';

export interface LuaPool {
  /** The results, nil as null. @throws LuaError */
  call(request: CallRequest): Promise<unknown[]>;
  /** Compiles without running. @throws LuaError with what is wrong */
  compile(chunk: string, script: string): Promise<void>;
  /** Threads that are there now. */
  readonly size: number;
  close(): Promise<void>;
}

/** A script failed; `limit` when it was stopped. */
export class LuaError extends Error {
  readonly limit: Limit | undefined;
  constructor(message: string, limit?: Limit) {
    super(message);
    this.name = 'LuaError';
    this.limit = limit;
  }
}

export interface LuaPoolOptions {
  /** Threads at most. Default 1. */
  threads?: number;
  /** Questions of one customization that may wait. Default 1000. */
  queue?: number;
  /** Milliseconds without a question after which threads end. Default 60 000. */
  idle?: number;
  clock?: Clock;
}

interface Job {
  request: { compile: { chunk: string; script: string } } | { call: string };
  resolve(values: unknown[]): void;
  reject(error: LuaError): void;
}

/** Beyond the limit that a script is stopped by from within. */
const grace = 500;
/** JSON of the input of one call. What comes back is bounded by the time that reading it takes. */
const maxInput = 32 * 1024 * 1024;
/** V8's own limits for a thread; strings are outside of its heap and are accounted in the machine. */
const resourceLimits = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

export function createLuaPool(options: LuaPoolOptions = {}): LuaPool {
  const { threads = 1, queue = 1000, idle = 60_000, clock = systemClock } = options;
  /** By chunk; the chunks take turns, so that a slow script holds up its own kind. */
  const waiting = new Map<string, Job[]>();
  const all = new Set<Thread>();
  let closed = false;

  function takeNext(): Job {
    const [chunk, jobs] = waiting.entries().next().value as [string, Job[]];
    const job = jobs.shift() as Job;
    waiting.delete(chunk);
    if (jobs.length > 0) waiting.set(chunk, jobs);
    return job;
  }

  function dispatch(): void {
    while (waiting.size > 0) {
      let thread = [...all].find((each) => each.job === undefined);
      if (thread === undefined) {
        if (all.size >= threads) return;
        thread = startThread({ clock, idle, next: dispatch, gone: (dead) => all.delete(dead) });
        all.add(thread);
      }
      thread.run(takeNext());
    }
  }

  function ask(chunk: string, request: Job['request']): Promise<unknown[]> {
    if (closed) return Promise.reject(new LuaError('the interpreter is stopped'));
    const jobs = waiting.get(chunk) ?? [];
    if (jobs.length >= queue)
      return Promise.reject(new LuaError(`more than ${queue} interpretations wait for the Lua threads`));
    return new Promise((resolve, reject) => {
      jobs.push({ request, resolve, reject });
      waiting.set(chunk, jobs);
      dispatch();
    });
  }

  return {
    async call(request) {
      const text = JSON.stringify(request);
      if (text.length > maxInput) throw new LuaError(`the input of the script is larger than ${maxInput} bytes`);
      return await ask(request.chunk, { call: text });
    },
    async compile(chunk, script) {
      await ask(chunk, { compile: { chunk, script } });
    },
    get size() {
      return all.size;
    },
    async close() {
      closed = true;
      for (const job of [...waiting.values()].flat()) job.reject(new LuaError('the interpreter is stopped'));
      waiting.clear();
      await Promise.all([...all].map((thread) => thread.end('the interpreter is stopped')));
    },
  };
}

interface Thread {
  readonly job: Job | undefined;
  run(job: Job): void;
  end(why: string): Promise<void>;
}

function startThread(pool: { clock: Clock; idle: number; next(): void; gone(thread: Thread): void }): Thread {
  const worker = createWorker();
  worker.unref();
  let job: Job | undefined;
  let id = 0;
  let ready = false;
  let alarm: AbortController | undefined;

  /** Replaces the alarm before; undefined: none. */
  function setAlarm(delay: number | undefined, action?: () => void): void {
    alarm?.abort();
    alarm = undefined;
    if (delay === undefined || action === undefined) return;
    const mine = new AbortController();
    alarm = mine;
    pool.clock.sleep(delay, mine.signal).then(action, () => {});
  }

  function post(): void {
    if (job === undefined || !ready) return;
    worker.postMessage({ ...job.request, id } satisfies WorkerRequest);
    setAlarm(scriptLimits.time + grace, () => {
      void thread.end(`the script ran longer than ${scriptLimits.time} ms`, 'time');
    });
  }

  function finish(settle: (done: Job) => void): void {
    const done = job;
    job = undefined;
    worker.unref();
    if (done !== undefined) settle(done);
  }

  const thread = {
    get job() {
      return job;
    },
    run(next: Job) {
      job = next;
      id++;
      worker.ref();
      setAlarm(undefined);
      post();
    },
    async end(why: string, limit?: Limit) {
      setAlarm(undefined);
      pool.gone(thread);
      finish((done) => done.reject(new LuaError(why, limit)));
      await worker.terminate();
      pool.next();
    },
  };

  worker.on('message', (answer: WorkerAnswer) => {
    if ('ready' in answer) {
      ready = true;
      post();
      return;
    }
    if (answer.id !== id) return;
    setAlarm(pool.idle, () => void thread.end('idle'));
    const outcome = JSON.parse(answer.outcome) as CallOutcome;
    finish((done) => {
      if (outcome.values !== undefined) done.resolve(outcome.values);
      else done.reject(new LuaError(outcome.error ?? 'the script failed', outcome.limit));
    });
    pool.next();
  });
  worker.on('error', (error: NodeJS.ErrnoException) => {
    const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    void thread.end(
      outOfMemory ? 'the script used up the memory of its thread' : `the Lua thread failed: ${error.message}`,
      outOfMemory ? 'memory' : undefined,
    );
  });
  worker.on('exit', () => {
    if (job !== undefined) void thread.end('the Lua thread ended');
  });
  return thread;
}

/** Bundled, the entry lies beside the executables, one folder up from a shared chunk. From source it is translated first. */
function createWorker(): Worker {
  const from = import.meta.url;
  if (!from.endsWith('.ts')) {
    const entry = new URL(from.includes('/chunks/') ? '../lua-worker.js' : './lua-worker.js', from);
    return new Worker(entry, { resourceLimits, execArgv: [] });
  }
  const translator = createRequire(from).resolve('tsx/esm/api');
  const entry = JSON.stringify(new URL('./worker.ts', from).href);
  const bootstrap = `require(${JSON.stringify(translator)}).tsImport(${entry}, ${entry})`;
  return new Worker(bootstrap, { eval: true, resourceLimits, execArgv: [] });
}
