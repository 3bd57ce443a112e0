/** karmada-apiserver: the API server of a Karmada control plane on its own, durable store. Flags → options → run. */
import { untilAborted } from '../component/abort.ts';
import { parseExecutable } from '../component/executable.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger } from '../component/logging.ts';
import { openStore } from '../storage/store-flags.ts';
import { apiServerFlags, apiServerGraceMs, defaultDataDirectory } from './programs/apiserver-flags.ts';

const name = 'karmada-apiserver';

if (process.argv[2] === 'snapshot') {
  const { runSnapshotCommand } = await import('../storage/embedded/snapshot-command.ts');
  process.exit(await runSnapshotCommand(name, process.argv.slice(3), defaultDataDirectory));
}

if (process.argv[2] === 'store') {
  const { runStoreCommand } = await import('../storage/store-command.ts');
  process.exit(await runStoreCommand(name, process.argv.slice(3)));
}

const flags = parseExecutable({
  name,
  description: `The API server of a Karmada control plane. It keeps its objects in a directory of its own, so that it needs no etcd, and
serves the Kubernetes API, custom resources and Karmada's API groups over TLS. Only one process may use a data directory.
With --etcd-servers it keeps them in etcd, where several servers may share them.

Backup and restore: "karmada-apiserver snapshot save PATH" and "karmada-apiserver snapshot restore PATH --data-dir=DIR".
From a directory to etcd, and back: "karmada-apiserver store migrate --from=DIR --to=URLS".`,
  examples: `# Serve on the loopback address with certificates from a folder
    karmada-apiserver --data-dir=/var/lib/karmada-apiserver --tls-cert-file=pki/tls.crt --tls-private-key-file=pki/tls.key \\
      --client-ca-file=pki/ca.crt --service-account-signing-key-file=pki/sa.key`,
  flags: apiServerFlags,
});

const logger = createLogger(name, { v: flags.v, format: flags['logging-format'] });

await runComponent(
  async (signal) => {
    const { startKarmadaApiServer } = await import('./programs/apiserver.ts');
    const open = () => openStore(flags, { name, logger, signal });
    const { server, stop } = await startKarmadaApiServer(flags, open, { logger, signal });
    try {
      const etcd = flags['etcd-servers'];
      logger.info('Serving', {
        url: server.url,
        ...(etcd.length > 0 ? { etcdServers: etcd } : { dataDir: flags['data-dir'] }),
      });
      await untilAborted(signal);
    } finally {
      await stop();
    }
  },
  { logger, gracePeriodMs: apiServerGraceMs(flags) },
);
