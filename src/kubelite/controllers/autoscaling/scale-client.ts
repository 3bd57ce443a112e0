/** The scale subresource of whatever a reference names. */
import { resourcePath } from '../../../apimachinery/group-version.ts';
import type { KubeObject } from '../../../apimachinery/object.ts';
import type { Client } from '../../../client/client.ts';
import type { Discovery } from '../../../client/discovery.ts';

export interface Scale extends KubeObject {
  spec: { replicas?: number };
  status?: { replicas?: number; selector?: string };
}

interface Reference {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly name: string;
}

export interface ScaleClient {
  get(namespace: string, target: Reference): Promise<Scale>;
  set(scale: Scale, replicas: number): Promise<void>;
}

export function createScaleClient(client: Client, discovery: Discovery): ScaleClient {
  const paths = new WeakMap<Scale, string>();
  return {
    async get(namespace, { apiVersion = 'v1', kind, name }) {
      const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
      const type = await discovery.resourceFor({ group: group ?? '', version: version ?? '', kind });
      const path = resourcePath(type, { namespace, name }, 'scale');
      const scale = await client.request<Scale>('GET', path);
      paths.set(scale, path);
      return scale;
    },
    async set(scale, replicas) {
      const path = paths.get(scale);
      if (path === undefined) throw new Error('a scale must be read before it is written');
      await client.request('PUT', path, { body: { ...scale, spec: { ...scale.spec, replicas } } });
    },
  };
}
