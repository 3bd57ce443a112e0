/** Health, version, metrics and the list of paths: what operators and load balancers ask for. */

import { groupVersionPath } from '../apimachinery/group-version.ts';
import { pathNotFound } from '../apimachinery/status-error.ts';
import type { Health } from '../component/health.ts';
import { encodeValue } from './encoding.ts';
import type { Route } from './endpoints/special-routes.ts';
import type { ServerMetrics } from './metrics.ts';
import { negotiateOutput } from './negotiation.ts';
import type { ResourceCatalog } from './registry/resource-catalog.ts';

export function createStatusRoutes(parts: {
  health: Health;
  metrics: ServerMetrics;
  catalog: ResourceCatalog;
  /** `v1.36.0` plus a suffix. */
  version: string;
}): Route[] {
  const text = (status: number, body: string) => ({
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
    body,
  });
  return [
    {
      handles: (path) => /^\/(healthz|livez|readyz)(\/|$)/.test(path),
      async handle(request) {
        const query = request.query.size > 0 ? `?${request.query}` : '';
        const answer = await parts.health.answer(`${request.path}${query}`);
        if (answer === undefined) throw pathNotFound();
        return text(answer.status, answer.body);
      },
    },
    {
      handles: (path) => path === '/version' || path === '/version/',
      async handle(request) {
        return encodeValue(negotiateOutput(request), 200, versionInfo(parts.version));
      },
    },
    {
      handles: (path) => path === '/metrics',
      async handle() {
        const response = text(200, await parts.metrics.text());
        response.headers['content-type'] = 'text/plain; version=0.0.4; charset=utf-8';
        return response;
      },
    },
    {
      handles: (path) => path === '/',
      async handle(request) {
        return encodeValue(negotiateOutput(request), 200, { paths: pathsOf(parts.catalog) });
      },
    },
  ];
}

/** What `GET /version` says; every value is a string. */
export function versionInfo(gitVersion: string): Record<string, string> {
  const [major = '1', minor = '36'] = gitVersion.replace(/^v/, '').split('.');
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: 'node',
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}

function pathsOf(catalog: ResourceCatalog): string[] {
  const paths = new Set([
    '/api',
    '/apis',
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/readyz',
    '/version',
  ]);
  for (const { type } of [...catalog.list(), ...catalog.virtualResources()]) {
    paths.add(groupVersionPath(type));
    if (type.group !== '') paths.add(`/apis/${type.group}`);
  }
  return [...paths].sort();
}
