/** How to reach a member: its Cluster's endpoint with the token and CA of the Secret it names. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import type { DeepReadonly, ObjectRef } from '../apimachinery/object.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import type { Connection } from '../client/connection.ts';

/** Base64 values of a Secret's `data`. */
export type ReadSecret = (ref: ObjectRef) => Promise<DeepReadonly<{ data?: Record<string, string> }>>;

/** Tokens are exchanged in their Secret while a process runs; they are also read again after a 401. */
const tokenLifetimeMs = 5 * 60_000;
/** A connection is new because something changed: perhaps the CA. Many connections at once still read only once. */
const authorityLifetimeMs = 5_000;

/** Reads the Secret once, so that what is wrong is said now. Throws upstream's texts. */
export async function memberConnection(
  cluster: DeepReadonly<Cluster>,
  readSecret: ReadSecret,
  clock: Clock = systemClock,
): Promise<Connection> {
  const { name = '' } = cluster.metadata;
  const { apiEndpoint, secretRef, insecureSkipTLSVerification: insecure = false, proxyURL, proxyHeader } = cluster.spec;
  if (!apiEndpoint) throw new Error(`the api endpoint of cluster ${name} is empty`);
  if (secretRef === undefined) throw new Error(`cluster ${name} does not have a secret`);

  const load = async (): Promise<{ token: string; ca: string | undefined }> => {
    const { data = {} } = await readSecret({ namespace: secretRef.namespace, name: secretRef.name });
    const value = (key: string): string => {
      const text = Buffer.from(data[key] ?? '', 'base64').toString('utf8');
      if (text === '') throw new Error(`the secret for cluster ${name} is missing a non-empty value for "${key}"`);
      return text;
    };
    return { token: value('token'), ca: insecure ? undefined : value('caBundle') };
  };

  let readAt = clock.now();
  let credentials = Promise.resolve(await load());
  /** When the Secret cannot be read again, what was read before still serves. */
  const notOlderThan = (lifetime: number): Promise<{ token: string; ca: string | undefined }> => {
    if (clock.now() - readAt >= lifetime) {
      const before = credentials;
      readAt = clock.now();
      credentials = load().catch(() => before);
    }
    return credentials;
  };
  return {
    server: apiEndpoint,
    insecure,
    ca: async () => (await notOlderThan(authorityLifetimeMs)).ca,
    token: async () => (await notOlderThan(tokenLifetimeMs)).token,
    onUnauthorized() {
      readAt = Math.min(readAt, clock.now() - tokenLifetimeMs + 1000);
    },
    proxyUrl: proxyURL,
    proxyHeaders: proxyHeaders(proxyHeader),
  };
}

/** Several values of one header are separated by commas. */
export function proxyHeaders(header: DeepReadonly<Record<string, string>> | undefined): Record<string, string[]> {
  return Object.fromEntries(Object.entries(header ?? {}).map(([name, values]) => [name, values.split(',')]));
}

/** Two Clusters with the same fingerprint are reached in the same way. */
export function connectionFingerprint(cluster: DeepReadonly<Cluster>): string {
  const { apiEndpoint, secretRef, insecureSkipTLSVerification, proxyURL, proxyHeader } = cluster.spec;
  return JSON.stringify([
    cluster.metadata.uid,
    apiEndpoint,
    secretRef?.namespace,
    secretRef?.name,
    insecureSkipTLSVerification === true,
    proxyURL,
    proxyHeader,
  ]);
}
