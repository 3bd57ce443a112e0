/** Health checks by name, answered on /healthz, /livez and /readyz in the form of Kubernetes' components. */

/** Throws when something is wrong; the message is for the log only. */
export type HealthCheck = () => void | Promise<void>;

export interface Health {
  /** `live` checks count for all three endpoints, `ready` ones for /readyz only. */
  add(name: string, kind: 'live' | 'ready', check: HealthCheck): void;
  /** The answer for a path such as `/readyz`, `/readyz/informers`, `/healthz?verbose`; undefined when it is none of these. */
  answer(url: string): Promise<{ status: number; body: string } | undefined>;
}

export function createHealth(): Health {
  const checks = new Map<string, { kind: 'live' | 'ready'; check: HealthCheck }>([
    ['ping', { kind: 'live', check: () => {} }],
  ]);
  return {
    add(name, kind, check) {
      checks.set(name, { kind, check });
    },
    async answer(url) {
      const { pathname, searchParams } = new URL(url, 'http://localhost');
      const [, endpoint, only, ...rest] = pathname.split('/');
      if (rest.length > 0 || (endpoint !== 'healthz' && endpoint !== 'livez' && endpoint !== 'readyz'))
        return undefined;
      const excluded = new Set(searchParams.getAll('exclude'));
      const lines: string[] = [];
      let failed = false;
      let found = false;
      for (const [name, { kind, check }] of checks) {
        if (kind === 'ready' && endpoint !== 'readyz') continue;
        if (only !== undefined && only !== '' && only !== name) continue;
        found = true;
        if (excluded.has(name)) {
          lines.push(`[+]${name} excluded: ok`);
          continue;
        }
        try {
          await check();
          lines.push(`[+]${name} ok`);
        } catch {
          failed = true;
          lines.push(`[-]${name} failed: reason withheld`);
        }
      }
      if (!found) return undefined;
      if (failed) return { status: 500, body: `${lines.join('\n')}\n${endpoint} check failed\n` };
      return {
        status: 200,
        body: searchParams.has('verbose') ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok',
      };
    },
  };
}
