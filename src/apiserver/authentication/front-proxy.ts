/**
 * Identities that another server vouches for: a proxy with a certificate of the request-header authority names the user in
 * headers (`X-Remote-User`, …). Without such a certificate the headers count for nothing.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import type { ApiRequest } from '../request.ts';
import { createClientCertificateAuthenticator } from './client-certificates.ts';
import type { UserInfo } from './user-info.ts';

export interface RequestHeaderOptions {
  /** PEM of the authorities that sign the proxies' certificates. */
  clientCa: string;
  /** Common names of proxies that are believed; empty: any with a certificate of the authority. */
  allowedNames: readonly string[];
  usernameHeaders: readonly string[];
  uidHeaders: readonly string[];
  groupHeaders: readonly string[];
  extraHeadersPrefixes: readonly string[];
}

export interface FrontProxyAuthenticator {
  /** Undefined when no trusted proxy speaks, or it names nobody. */
  authenticate(request: Pick<ApiRequest, 'headers' | 'clientCertificate'>): UserInfo | undefined;
}

export function createFrontProxyAuthenticator(options: RequestHeaderOptions, clock: Clock): FrontProxyAuthenticator {
  const certificates = createClientCertificateAuthenticator(options.clientCa, clock);
  const proxyOf = (der: Buffer): UserInfo | undefined => {
    try {
      return certificates.authenticate(der);
    } catch {
      return undefined;
    }
  };
  return {
    authenticate({ headers, clientCertificate }) {
      if (clientCertificate === undefined) return undefined;
      const name = firstOf(headers, options.usernameHeaders);
      if (name === undefined) return undefined;
      const proxy = proxyOf(clientCertificate);
      if (proxy === undefined) return undefined;
      if (options.allowedNames.length > 0 && !options.allowedNames.includes(proxy.name)) return undefined;
      const uid = firstOf(headers, options.uidHeaders);
      const extra = extraOf(headers, options.extraHeadersPrefixes);
      return {
        name,
        groups: options.groupHeaders.flatMap((header) => valuesOf(headers, header)),
        ...(uid === undefined ? {} : { uid }),
        ...(Object.keys(extra).length === 0 ? {} : { extra }),
      };
    },
  };
}

/** What ConfigMap kube-system/extension-apiserver-authentication tells extension servers of this. */
export function requestHeaderConfig(options: RequestHeaderOptions): Record<string, string> {
  return {
    'requestheader-client-ca-file': options.clientCa,
    'requestheader-username-headers': JSON.stringify(options.usernameHeaders),
    'requestheader-uid-headers': JSON.stringify(options.uidHeaders),
    'requestheader-group-headers': JSON.stringify(options.groupHeaders),
    'requestheader-extra-headers-prefix': JSON.stringify(options.extraHeadersPrefixes),
    'requestheader-allowed-names': JSON.stringify(options.allowedNames),
  };
}

type Headers = ApiRequest['headers'];

function firstOf(headers: Headers, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = valuesOf(headers, name)[0];
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}

function valuesOf(headers: Headers, name: string): string[] {
  const value = headers[name.toLowerCase()];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** The key is what follows the prefix, percent-decoded. */
function extraOf(headers: Headers, prefixes: readonly string[]): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const prefix of prefixes.map((text) => text.toLowerCase()))
    for (const header of Object.keys(headers)) {
      if (!header.startsWith(prefix)) continue;
      const key = decodeKey(header.slice(prefix.length));
      extra[key] = [...(extra[key] ?? []), ...valuesOf(headers, header)];
    }
  return extra;
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key).toLowerCase();
  } catch {
    return key;
  }
}
