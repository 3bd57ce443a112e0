/** `karmada serve` and `karmada certs` on the command line. */
import { X509Certificate } from 'node:crypto';
import { chownSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { formatDuration } from '../../component/duration.ts';
import { parseExecutable } from '../../component/executable.ts';
import { runComponent } from '../../component/lifecycle.ts';
import { createLogger } from '../../component/logging.ts';
import { apiServerFlags, apiServerGraceMs } from '../programs/apiserver-flags.ts';
import { serveFlags, valuesFor } from './serve-flags.ts';
import { ensureCertificates, siteOf, writeKubeconfigs } from './site.ts';

/** Ends the process. */
export async function serveCommand(argv: readonly string[]): Promise<never> {
  const flags = parseExecutable(
    {
      name: 'karmada serve',
      description: `A whole Karmada control plane in one process, for a small site: API server with admission, controllers (karmada-controller-manager and
kube-controller-manager) and scheduler. The first start makes certificates and a kubeconfig of the administrator beside the objects in --data-dir,
and installs Karmada's definitions; every later start goes on with what is there. The directory is that of karmada-apiserver: a site can go on with
separate components on it, and come back.

The flags are those of the components. --controllers is karmada-controller-manager's, --kube-controllers kube-controller-manager's.`,
      examples: `# On this machine; the first lines say where the kubeconfig is
    karmada serve --data-dir=$HOME/karmada
    # For clients and clusters elsewhere
    karmada serve --bind-address=0.0.0.0 --external-hostname=karmada.example.com
    # With preemption among policies, an audit log, and encrypted Secrets
    karmada serve --feature-gates=PropagationPolicyPreemption=true --audit-policy-file=audit.yaml --audit-log-path=audit.log --encryption-provider-config=encryption.yaml
    # Objects in etcd; several of these, with the same --cert-dir contents, elect who works
    karmada serve --etcd-servers=https://10.0.0.11:2379 --etcd-cafile=etcd-ca.crt --etcd-certfile=etcd.crt --etcd-keyfile=etcd.key`,
      flags: serveFlags,
    },
    argv,
  );
  const began = performance.now();
  return runComponent(
    async (signal) => {
      const { serve } = await import('./serve.ts');
      await serve(flags, {
        signal,
        ready({ url, kubeconfig }) {
          process.stdout.write(
            `karmada is ready at ${url} after ${formatDuration(Math.round(performance.now() - began))}\nkubectl --kubeconfig ${kubeconfig} get clusters\n`,
          );
        },
      });
    },
    {
      logger: createLogger('karmada', { v: flags.v, format: flags['logging-format'] }),
      gracePeriodMs: apiServerGraceMs(valuesFor(apiServerFlags, flags)),
    },
  );
}

export async function certsCommand(argv: readonly string[]): Promise<number> {
  const flags = parseExecutable(
    {
      name: 'karmada certs',
      description: `Makes the certificates, keys and kubeconfigs of a control plane that are missing, have less than 30 days left, or lack a name that the flags ask
for, and lists how long each is good. "karmada serve" does the same at its start and twice a day; this is for components that run as processes of
their own, and for looking. An authority (10 years) or a key of service accounts is never replaced. The flags are those of "karmada serve".`,
      examples: `# Before the first start of separate components
    karmada certs --data-dir=/var/lib/karmada-apiserver --external-hostname=karmada.example.com`,
      flags: serveFlags,
    },
    argv,
  );
  if (flags['secure-port'] === 0) throw new Error('kubeconfigs name a port: give --secure-port');
  const site = siteOf(flags);
  writeKubeconfigs(site, await ensureCertificates(site, flags), flags['secure-port']);
  giveToOwner(flags['data-dir'], [site.certDir, ...readdirSync(site.certDir).map(site.file), site.adminConfig]);
  const rows = readdirSync(site.certDir)
    .filter((file) => file.endsWith('.crt'))
    .sort()
    .map((file) => {
      const { validTo, subject } = new X509Certificate(readFileSync(site.file(file)));
      const days = Math.floor((Date.parse(validTo) - Date.now()) / 86_400_000);
      return [file, `${days}d`, new Date(validTo).toISOString(), subject.replaceAll('\n', ', ')];
    });
  const table = [['CERTIFICATE', 'LEFT', 'EXPIRES', 'SUBJECT'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const row of table)
    process.stdout.write(`${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}\n`);
  process.stdout.write(`in ${site.certDir}; the administrator's kubeconfig is ${site.adminConfig}\n`);
  return 0;
}

/** What root makes in the directory of a server that runs as another user must be readable to that one. */
function giveToOwner(directory: string, files: readonly string[]): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  for (const file of files) chownSync(file, uid, gid);
}
