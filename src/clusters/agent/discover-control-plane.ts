/**
 * Finds out, with a bootstrap token alone, that an address is the control plane's, and what authority signs its certificate:
 * the public ConfigMap cluster-info is signed with the token, and may be pinned by the hash of the authority's key.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { createClient } from '../../client/client.ts';
import { createTransport } from '../../client/http-transport.ts';
import { parseKubeconfig } from '../../client/kubeconfig/kubeconfig.ts';
import { parseYaml } from '../../client/kubeconfig/load.ts';
import { detachedSignature, sameSecret, splitBootstrapToken } from '../../component/bootstrap-token.ts';
import { configMaps } from '../../kubernetes/resource-types.ts';
import type { ConfigMap } from '../../kubernetes/types.ts';

export interface DiscoveryOptions {
  /** `host:port`. */
  endpoint: string;
  token: string;
  /** `sha256:<hex of the SHA-256 of the authority's public key>`; empty: it is not pinned. */
  caCertHashes: readonly string[];
  timeoutMs: number;
  signal: AbortSignal;
  userAgent: string;
  clock?: Clock;
}

const retryMs = 1000;
const ref = { namespace: 'kube-public', name: 'cluster-info' };

/** PEM of the authority. Rejects with upstream's texts. */
export async function discoverAuthority(options: DiscoveryOptions): Promise<string> {
  try {
    const { token } = options;
    const parts = splitBootstrapToken(token);
    if (parts === undefined)
      throw new Error(
        `the bootstrap token ${JSON.stringify(token)} was not of the form "\\\\A([a-z0-9]{6})\\\\.([a-z0-9]{16})\\\\z"`,
      );
    const kubeconfig = await signedKubeconfig(options, parts.id, {});
    const ca = authorityIn(await kubeconfig(parts));
    if (options.caCertHashes.length === 0) return ca;
    requirePin(ca, options.caCertHashes);
    const again = authorityIn(await (await signedKubeconfig(options, parts.id, { ca }))(parts));
    if (again !== ca)
      throw new Error('the cluster-info ConfigMap read over the verified connection differs from the first one');
    return ca;
  } catch (error) {
    options.signal.throwIfAborted();
    throw new Error(`couldn't validate the identity of the API Server: ${(error as Error).message}`, { cause: error });
  }
}

/** Waits until the ConfigMap is signed for the token; what it gives checks the signature. */
async function signedKubeconfig(
  { endpoint, timeoutMs, signal, userAgent, clock = systemClock }: DiscoveryOptions,
  tokenId: string,
  { ca }: { ca?: string },
): Promise<(token: { id: string; secret: string }) => Promise<string>> {
  const connection = { server: `https://${endpoint}`, insecure: ca === undefined, ...(ca === undefined ? {} : { ca }) };
  const client = createClient(createTransport(connection, { userAgent, connectTimeoutMs: 10_000 }));
  const deadline = clock.now() + timeoutMs;
  try {
    for (;;) {
      let why: Error;
      try {
        const { data = {} } = await client.resource<ConfigMap>(configMaps).get(ref, { signal });
        const kubeconfig = data['kubeconfig'];
        const signature = data[`jws-kubeconfig-${tokenId}`];
        if (kubeconfig !== undefined && signature !== undefined)
          return async (token) => {
            if (!sameSecret(signature, detachedSignature(kubeconfig, token)))
              throw new Error(
                "failed to verify JWS signature of received cluster info object, can't trust this API Server",
              );
            return kubeconfig;
          };
        why = new Error(
          `token id "${tokenId}" is invalid for this cluster or it has expired. Use "karmadactl token create" on the karmada-control-plane to create a new valid token`,
        );
      } catch (error) {
        signal.throwIfAborted();
        why = error as Error;
      }
      if (clock.now() + retryMs > deadline) throw why;
      await clock.sleep(retryMs, signal);
    }
  } finally {
    await client.close();
  }
}

function authorityIn(kubeconfig: string): string {
  const data = parseKubeconfig(parseYaml(kubeconfig, 'cluster-info'), 'cluster-info').clusters[0]?.cluster[
    'certificate-authority-data'
  ];
  if (!data) throw new Error('the kubeconfig in ConfigMap cluster-info names no authority');
  return Buffer.from(data, 'base64').toString('utf8');
}

/** `sha256:<hex>` of the public key of a certificate (PEM). */
export function publicKeyHash(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function requirePin(ca: string, hashes: readonly string[]): void {
  const hash = publicKeyHash(ca);
  if (!hashes.some((pin) => pin.toLowerCase() === hash))
    throw new Error(`cluster CA found in cluster-info ConfigMap is invalid: public key ${hash} not pinned`);
}
