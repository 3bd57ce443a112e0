/** What karmada-scheduler takes as a process of its own: memory with many bindings, and how fast it gets through them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resourceBindings } from '../src/apis/resource-types.ts';
import type { ResourceBinding } from '../src/apis/work/v1alpha2/resource-binding.ts';
import { createApiServer } from '../src/apiserver/server.ts';
import { type Client, createClient } from '../src/client/client.ts';
import { createInformerFactory } from '../src/client/informer-factory.ts';
import { mergeIntoKubeconfig } from '../src/client/kubeconfig/write.ts';
import { clusterResourceDefinition } from '../src/clusters/cluster-api.ts';
import { createCertificateAuthority, issueCertificate } from '../src/component/certificates.ts';
import { createMemoryStore } from '../src/storage/memory/memory-store.ts';
import type { Row } from './row.ts';

const executable = fileURLToPath(new URL('../dist/cmd/karmada-scheduler.js', import.meta.url));

/** Needs a build. `prepare` fills the API server. */
export async function benchSchedulerMemory(
  clusters: number,
  bindings: number,
  prepare: (client: Client) => Promise<void>,
): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'scheduler-bench-'));
  const ca = await createCertificateAuthority({ commonName: 'ca', days: 1 });
  const serving = await issueCertificate(ca, {
    commonName: 'server',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const admin = await issueCertificate(ca, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
  });
  const store = createMemoryStore();
  const server = createApiServer({
    store,
    resources: [clusterResourceDefinition],
    serving: { port: 0, ...serving },
    clientCa: ca.cert,
  });
  await server.start();
  const client = createClient(server.localTransport());
  const life = new AbortController();
  try {
    const kubeconfig = join(folder, 'config');
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    await mergeIntoKubeconfig(kubeconfig, {
      clusters: [{ name: 'bench', cluster: { server: server.url, 'certificate-authority-data': base64(ca.cert) } }],
      users: [
        {
          name: 'admin',
          user: { 'client-certificate-data': base64(admin.cert), 'client-key-data': base64(admin.key) },
        },
      ],
      contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'admin' } }],
      currentContext: 'bench',
    });
    await prepare(client);
    const informers = createInformerFactory(client);
    const informer = informers.informer<ResourceBinding>(resourceBindings);
    informers.start(life.signal);
    await informer.whenSynced();
    const done = new Set<string>();
    const all = new Promise<void>((resolve) => {
      informer.addHandler({
        updated({ metadata, spec, status }) {
          if (status?.schedulerObservedGeneration === metadata.generation && (spec.clusters ?? []).length > 0)
            done.add(metadata.name ?? '');
          if (done.size === bindings) resolve();
        },
      });
    });
    const start = performance.now();
    const child = spawn(
      process.execPath,
      [
        executable,
        `--kubeconfig=${kubeconfig}`,
        '--leader-elect=false',
        '--metrics-bind-address=0',
        '--health-probe-bind-address=0',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const ended = once(child, 'exit');
    try {
      await Promise.race([
        all,
        ended.then(([code]) => {
          throw new Error(`karmada-scheduler ended with ${code}`);
        }),
      ]);
      const seconds = (performance.now() - start) / 1000;
      const rollup = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8');
      const kilobytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN);
      const size = `${bindings} bindings, each on at most 3 of ${clusters} clusters`;
      return [
        {
          name: `scheduler: Pss, ${bindings} bindings`,
          value: kilobytes / 1024,
          unit: 'MB',
          how: `${size}; a process of its own, right after the last one was scheduled`,
        },
        {
          name: `scheduler: bindings/s, ${clusters} clusters, own process`,
          value: bindings / seconds,
          unit: '1/s',
          how: `${size}; over HTTPS, from the start of the process`,
        },
      ];
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  } finally {
    life.abort(new Error('done'));
    await client.close();
    await server.stop();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
