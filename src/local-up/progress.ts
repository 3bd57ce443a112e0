/** Tells on stderr what is being done: a line that is rewritten on a terminal, plain lines elsewhere. */

export interface Progress {
  /** Runs one step, telling its name, how it goes and how long it took. */
  step<T>(name: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
}

export function createProgress(stream: NodeJS.WriteStream, now: () => number = Date.now): Progress {
  const terminal = stream.isTTY === true;
  const seconds = (since: number) => `${((now() - since) / 1000).toFixed(1)} s`;
  return {
    async step(name, work) {
      const start = now();
      let detail = '';
      const draw = () => stream.write(`\r\x1b[K… ${name} (${seconds(start)})${detail === '' ? '' : `: ${detail}`}`);
      const timer = terminal ? setInterval(draw, 100) : undefined;
      if (terminal) draw();
      try {
        const result = await work((text) => {
          if (text === detail) return;
          detail = text;
          if (!terminal) stream.write(`  ${name}: ${text}\n`);
        });
        stream.write(terminal ? `\r\x1b[K✓ ${name} (${seconds(start)})\n` : `${name}: done (${seconds(start)})\n`);
        return result;
      } catch (error) {
        stream.write(terminal ? `\r\x1b[K✗ ${name} (${seconds(start)})\n` : `${name}: failed (${seconds(start)})\n`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}
