/** What a server behind an APIService says it serves, in the form of this server's own discovery. */
import { request as httpsRequest } from 'node:https';
import type { ServedResource, ServedVersion } from '../discovery/served-groups.ts';
import type { Backend } from './backend.ts';

const timeoutMs = 5000;
const maxBytes = 8 * 1024 * 1024;

interface ResourceEntry {
  name: string;
  singularName?: string;
  namespaced?: boolean;
  kind: string;
  group?: string;
  version?: string;
  verbs?: string[];
  shortNames?: string[];
  categories?: string[];
}

/** Asks as the aggregator itself. Throws an Error that says what went wrong, within 5 s. */
export async function discover(backend: Backend, group: string, version: string): Promise<ServedVersion> {
  const path = `/apis/${group}/${version}`;
  const where = `${backend.url.origin}${path}`;
  const { status, text } = await get(backend, path).catch((error: Error) => {
    throw new Error(`failing or missing response from ${where}: Get "${where}": ${error.message}`, { cause: error });
  });
  if (status < 200 || status > 299)
    throw new Error(`failing or missing response from ${where}: bad status from ${where}: ${status}`);
  return served(group, version, parse(text, where));
}

function parse(text: string, where: string): ResourceEntry[] {
  try {
    const { kind, resources } = JSON.parse(text) as { kind?: string; resources?: ResourceEntry[] };
    if (kind === 'APIResourceList' && Array.isArray(resources)) return resources;
  } catch {
    // Told below.
  }
  throw new Error(`failing or missing response from ${where}: it is no APIResourceList`);
}

function served(group: string, version: string, entries: readonly ResourceEntry[]): ServedVersion {
  const resources = new Map<string, ServedResource>();
  const resource = (name: string): ServedResource => {
    const known = resources.get(name);
    if (known !== undefined) return known;
    const made: ServedResource = {
      resource: name,
      singular: '',
      kind: '',
      namespaced: false,
      verbs: [],
      shortNames: [],
      categories: [],
      subresources: [],
      definition: undefined,
      virtual: undefined,
    };
    resources.set(name, made);
    return made;
  };
  for (const entry of entries) {
    const [name = '', ...sub] = entry.name.split('/');
    const found = resource(name);
    const { singularName = '', namespaced = false, kind, verbs = [], shortNames = [], categories = [] } = entry;
    if (sub.length === 0)
      Object.assign(found, { singular: singularName, kind, namespaced, verbs, shortNames, categories });
    else {
      const own = { group: entry.group ?? group, version: entry.version ?? version, kind };
      found.subresources.push({ name: sub.join('/'), kind: own, verbs });
      if (found.kind === '') Object.assign(found, { kind, namespaced });
    }
  }
  return { group, version, resources: [...resources.values()].sort((a, b) => (a.resource < b.resource ? -1 : 1)) };
}

function get({ url, agent }: Backend, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json',
      'x-remote-user': 'system:kube-aggregator',
      'x-remote-group': 'system:masters',
    };
    const request = httpsRequest(
      {
        agent,
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) response.destroy(new Error(`the reply is longer than ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      },
    );
    request.on('error', (error) =>
      reject(
        error.name === 'AbortError' || error.name === 'TimeoutError' ? new Error('context deadline exceeded') : error,
      ),
    );
    request.end();
  });
}
