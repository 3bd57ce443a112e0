/**
 * What `karmada serve` keeps beside its objects:
 *
 *   <data-dir>/karmada-apiserver.config   kubeconfig of the administrator
 *   <cert-dir>/ca.{crt,key}               the authority of all that follow; signs certificates of agents, too
 *   <cert-dir>/apiserver.{crt,key}        of the API server
 *   <cert-dir>/admin.{crt,key}            group system:masters
 *   <cert-dir>/<component>.{crt,key}      and <component>.config, for components that run as processes of their own
 *   <cert-dir>/front-proxy-*.{crt,key}    authority and client certificate towards aggregated API servers
 *   <cert-dir>/sa.key                     signs tokens of service accounts
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { writeAtomically } from '../../client/kubeconfig/write.ts';
import type { KeyPair } from '../../component/certificates.ts';
import { openCertificateFolder, splitNames } from '../../installation/certificate-folder.ts';
import { clientKubeconfig } from '../../installation/client-kubeconfig.ts';
import { type ControlPlanePki, ensureControlPlanePki } from '../../installation/control-plane-certificates.ts';
import type { ServeFlags } from './serve-flags.ts';

export interface Site {
  certDir: string;
  /** Kubeconfig of the administrator. */
  adminConfig: string;
  /** Where clients are told to go. */
  host: string;
  file(name: string): string;
}

export function siteOf(flags: ServeFlags): Site {
  const certDir = resolve(flags['cert-dir'] || join(flags['data-dir'], 'pki'));
  const everywhere = ['', '0.0.0.0', '::'].includes(flags['bind-address']);
  return {
    certDir,
    adminConfig: resolve(flags['data-dir'], 'karmada-apiserver.config'),
    host: flags['external-hostname'] || (everywhere ? '127.0.0.1' : flags['bind-address']),
    file: (name) => join(certDir, name),
  };
}

/** Reads what is there, makes what is missing, runs out, or does not hold the names that the flags ask for. */
export async function ensureCertificates(site: Site, flags: ServeFlags): Promise<ControlPlanePki> {
  const folder = openCertificateFolder(site.certDir);
  const names = new Set([
    'localhost',
    '127.0.0.1',
    hostname(),
    'kubernetes.default.svc',
    site.host,
    ...flags['tls-san'],
  ]);
  const proxyCa = await folder.authority('front-proxy-ca', 'karmada-front-proxy');
  await folder.leaf('front-proxy-client', proxyCa, { commonName: 'front-proxy-client', usages: ['client'] });
  return ensureControlPlanePki(folder, { name: 'apiserver', ...splitNames([...names]) });
}

/** Files that are as they should be stay untouched. */
export function writeKubeconfigs(site: Site, pki: ControlPlanePki, port: number | string): void {
  const write = (path: string, user: string, pair: KeyPair): void => {
    const text = clientKubeconfig({ server: urlOf(site, port), ca: pki.ca.cert, user, pair });
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeAtomically(path, text);
  };
  mkdirSync(join(site.adminConfig, '..'), { recursive: true, mode: 0o700 });
  write(site.adminConfig, 'karmada-admin', pki.admin);
  for (const [component, pair] of Object.entries(pki.clients)) write(site.file(`${component}.config`), component, pair);
}

export const urlOf = ({ host }: Site, port: number | string): string =>
  `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
