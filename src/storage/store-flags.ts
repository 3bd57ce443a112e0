/** Where an executable keeps its objects: flags, and the store they name. */

import { StatusError } from '../apimachinery/status-error.ts';
import { type FlagValues, flag } from '../component/flags.ts';
import type { Logger } from '../component/logging.ts';
import { retryUntil, waitForContent } from '../component/wait-for-content.ts';
import type { EtcdTls } from './etcd/connection.ts';
import type { Store } from './store.ts';

/** kube-apiserver's names. */
export const etcdFlags = {
  'etcd-servers': flag.list(
    [],
    'List of etcd servers to connect with (scheme://ip:port), comma separated. With them the objects are kept there, and several servers may share them.',
  ),
  'etcd-prefix': flag.string('/registry', 'The prefix to prepend to all resource paths in etcd.'),
  'etcd-cafile': flag.string('', 'SSL Certificate Authority file used to secure etcd communication.'),
  'etcd-certfile': flag.string('', 'SSL certification file used to secure etcd communication.'),
  'etcd-keyfile': flag.string('', 'SSL key file used to secure etcd communication.'),
};

export const storeFlags = (defaultDirectory: string) => ({
  'data-dir': flag.string(
    defaultDirectory,
    'The directory that holds the objects; made when absent. Not used with --etcd-servers.',
  ),
  ...etcdFlags,
});

export type EtcdFlags = FlagValues<typeof etcdFlags>;

interface OpenOptions {
  /** Of the executable. */
  name: string;
  logger: Logger;
  signal: AbortSignal;
}

/** Waits for etcd and for the files of its client, and says so; a directory is there or not usable. */
export async function openStore(
  flags: EtcdFlags & { readonly 'data-dir': string },
  options: OpenOptions,
): Promise<Store> {
  if (flags['etcd-servers'].length > 0) return openEtcd(flags, options);
  const { openEmbeddedStore } = await import('./embedded/embedded-store.ts');
  const { name } = options;
  return openEmbeddedStore(flags['data-dir'], {
    name,
    restoreHint: `restore the newest snapshot into an empty directory (${name} snapshot restore PATH --data-dir=DIR)`,
  });
}

async function openEtcd(flags: EtcdFlags, { logger, signal }: OpenOptions): Promise<Store> {
  const { openEtcdStore } = await import('./etcd/etcd-store.ts');
  const tls = await readEtcdTls(flags, (name) =>
    waitForContent(`--${name} ${flags[name]}`, flags[name], { logger, signal }),
  );
  const opened = await retryUntil(`etcd at ${flags['etcd-servers'].join(', ')}`, { logger, signal }, async () => {
    try {
      return await openEtcdStore({ servers: flags['etcd-servers'], tls, prefix: etcdPrefixOf(flags) });
    } catch (error) {
      // Only what waiting can help.
      if (error instanceof StatusError) throw error;
      return { error };
    }
  });
  if ('error' in opened) throw opened.error;
  return opened;
}

/** As upstream takes it: with a slash in front, and none behind. */
export const etcdPrefixOf = (flags: Pick<EtcdFlags, 'etcd-prefix'>): string =>
  `/${flags['etcd-prefix']}`.replace(/^\/+/, '/').replace(/\/+$/, '');

type TlsFlag = 'etcd-cafile' | 'etcd-certfile' | 'etcd-keyfile';

/** Throws when only one of certificate and key is given. */
export async function readEtcdTls(
  flags: Pick<EtcdFlags, TlsFlag>,
  read: (name: TlsFlag) => Promise<string>,
): Promise<EtcdTls> {
  if ((flags['etcd-certfile'] === '') !== (flags['etcd-keyfile'] === ''))
    throw new Error('--etcd-certfile and --etcd-keyfile must be given together');
  const file = async (name: TlsFlag): Promise<Buffer | undefined> =>
    flags[name] === '' ? undefined : Buffer.from(await read(name));
  return { ca: await file('etcd-cafile'), cert: await file('etcd-certfile'), key: await file('etcd-keyfile') };
}
