import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const lifecycle = fileURLToPath(new URL('./lifecycle.ts', import.meta.url));
const logging = fileURLToPath(new URL('./logging.ts', import.meta.url));

/** A component whose `main` is the given text, as a process of its own. */
function start(
  main: string,
  environment: NodeJS.ProcessEnv = {},
): { child: ChildProcess; output(): string; exit: Promise<unknown[]> } {
  const script = `
    const { runComponent } = await import(${JSON.stringify(lifecycle)});
    const { createLogger } = await import(${JSON.stringify(logging)});
    const logger = createLogger('test');
    const aborted = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve));
    setInterval(() => {}, 1000);
    await runComponent(async (signal) => { ${main} }, { logger });
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
  return { child, output: () => output, exit: once(child, 'close') };
}

async function untilSaid(component: ReturnType<typeof start>, text: string): Promise<void> {
  while (!component.output().includes(text)) {
    if (component.child.exitCode !== null) throw new Error(`ended with: ${component.output()}`);
    await Promise.race([once(component.child.stderr!, 'data'), component.exit]);
  }
}

describe('runComponent', () => {
  it.concurrent('lets main finish after SIGTERM and ends with 0, whatever is still open', async () => {
    const component = start(`logger.info('running'); await aborted(signal); logger.info('drained');`);
    await untilSaid(component, 'running');
    component.child.kill('SIGTERM');
    expect(await component.exit).toEqual([0, null]);
    expect(component.output()).toMatch(/SIGTERM[\s\S]*drained[\s\S]*Stopped/);
  });

  it.concurrent('ends at once with the second signal', async () => {
    const component = start(`logger.info('running'); await new Promise(() => {});`);
    await untilSaid(component, 'running');
    component.child.kill('SIGINT');
    await untilSaid(component, 'Stopping');
    component.child.kill('SIGINT');
    expect(await component.exit).toEqual([1, null]);
  });

  it.concurrent('logs what main throws and ends with 1', async () => {
    const component = start(`throw new Error('broken');`);
    expect(await component.exit).toEqual([1, null]);
    expect(component.output()).toContain('"err":"broken"');
  });

  it.concurrent('logs what nobody caught and ends with 1', async () => {
    const component = start(`setImmediate(() => { throw new Error('lost'); }); await aborted(signal);`);
    expect(await component.exit).toEqual([1, null]);
    expect(component.output()).toContain('"err":"lost"');
  });

  it.concurrent('ends when its parent is another one than the environment says', async () => {
    const component = start(`await aborted(signal);`, { KARMADA_PARENT_PID: '1' });
    expect(await component.exit).toEqual([0, null]);
    expect(component.output()).toContain('the parent process is gone');
  });

  it.concurrent('stays while its parent does', async () => {
    const component = start(`logger.info('running'); await aborted(signal);`, {
      KARMADA_PARENT_PID: String(process.pid),
    });
    await untilSaid(component, 'running');
    component.child.kill('SIGTERM');
    await component.exit;
    expect(component.output()).not.toContain('the parent process is gone');
  });
});
