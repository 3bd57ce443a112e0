/** Where a member is reached by the proxy, and with which credentials: those of its impersonator, which may do nothing itself. */

import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { isNotFound, plainError } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { connectTimeoutMs } from '../../apiserver/forwarding/forward.ts';
import { type ProxyAddress, tunnelAgent } from '../../client/proxy-tunnel.ts';
import { createLookup } from '../../component/host-lookup.ts';
import { connectionFingerprint, proxyHeaders, type ReadSecret } from '../../members/member-connection.ts';

export interface MemberEndpoint {
  url: URL;
  token: string;
  agent: HttpAgent;
}

export interface MemberEndpoints {
  /** Throws a StatusError that says what is missing. */
  of(cluster: DeepReadonly<Cluster>): Promise<MemberEndpoint>;
  /** The member refused the token: the next request reads it anew. */
  distrust(cluster: DeepReadonly<Cluster>): void;
}

interface Entry {
  fingerprint: string;
  readAt: number;
  endpoint: Promise<MemberEndpoint>;
}

/** Credentials are read again after so long; a connection pool lives on while its CA stays the same. */
const credentialLifetimeMs = 60_000;
const maxEntries = 1000;

export function createMemberEndpoints(readSecret: ReadSecret, clock: Clock): MemberEndpoints {
  const entries = new Map<string, Entry>();
  const agents = new Map<string, { key: string; agent: HttpAgent }>();
  const lookup = createLookup();

  function agentFor(
    name: string,
    url: URL,
    ca: string | undefined,
    insecure: boolean,
    proxy?: ProxyAddress,
  ): HttpAgent {
    const key = JSON.stringify([url.origin, ca, insecure, proxy]);
    const known = agents.get(name);
    if (known?.key === key) return known.agent;
    // Its open requests go on; idle connections end by themselves.
    const common = { keepAlive: true, maxFreeSockets: 16, timeout: 0, lookup: lookup as never };
    const tls: AgentOptions = {
      ...common,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: !insecure,
      ALPNProtocols: ['http/1.1'],
      ...(ca === undefined ? {} : { ca }),
      ...(isIP(url.hostname) > 0 ? {} : { servername: url.hostname }),
    };
    const agent = newAgent();
    agents.set(name, { key, agent });
    if (agents.size > maxEntries) agents.delete(agents.keys().next().value as string);
    return agent;

    function newAgent(): HttpAgent {
      const secure = url.protocol === 'https:';
      if (proxy === undefined) return secure ? (new HttpsAgent(tls) as HttpAgent) : new HttpAgent(common);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
      const tunnel = { lookup, ca, insecure, timeoutMs: connectTimeoutMs };
      return tunnelAgent(proxy, { host, port, tls: secure ? tls : undefined }, tunnel, common);
    }
  }

  async function read(cluster: DeepReadonly<Cluster>): Promise<MemberEndpoint> {
    const { name = '' } = cluster.metadata;
    const { apiEndpoint, impersonatorSecretRef, secretRef, proxyURL, proxyHeader } = cluster.spec;
    const insecure = cluster.spec.insecureSkipTLSVerification === true;
    if (!apiEndpoint) throw plainError(`the apiEndpoint of cluster ${name} is empty`);
    if (impersonatorSecretRef === undefined) throw plainError(`the impersonatorSecretRef of cluster ${name} is nil`);
    const token = await secretValue(readSecret, impersonatorSecretRef, 'token');
    if (token === '') throw plainError(`failed to get impersonateToken for cluster ${name}: the token is empty`);
    const ca = insecure || secretRef === undefined ? '' : await secretValue(readSecret, secretRef, 'caBundle');
    const url = new URL(apiEndpoint);
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw plainError(`the apiEndpoint of cluster ${name} is neither https:// nor http://`);
    const proxy = proxyURL ? { url: proxyURL, headers: proxyHeaders(proxyHeader) } : undefined;
    return { url, token, agent: agentFor(name, url, ca === '' ? undefined : ca, insecure, proxy) };
  }

  return {
    of(cluster) {
      const name = cluster.metadata.name ?? '';
      const fingerprint = JSON.stringify([connectionFingerprint(cluster), cluster.spec.impersonatorSecretRef]);
      const known = entries.get(name);
      const fresh = known?.fingerprint === fingerprint && clock.now() - known.readAt < credentialLifetimeMs;
      if (known !== undefined && fresh) return known.endpoint;
      const entry = { fingerprint, readAt: clock.now(), endpoint: read(cluster) };
      entries.set(name, entry);
      if (entries.size > maxEntries) entries.delete(entries.keys().next().value as string);
      entry.endpoint.catch(() => {
        if (entries.get(name) === entry) entries.delete(name);
      });
      return entry.endpoint;
    },
    distrust(cluster) {
      entries.delete(cluster.metadata.name ?? '');
    },
  };
}

async function secretValue(
  readSecret: ReadSecret,
  ref: DeepReadonly<{ namespace: string; name: string }>,
  key: string,
) {
  try {
    const { data = {} } = await readSecret({ namespace: ref.namespace, name: ref.name });
    return Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  } catch (error) {
    // Not this caller's 404: what it asked for may well exist.
    if (isNotFound(error)) throw plainError(`secrets "${ref.name}" not found`);
    throw error;
  }
}
