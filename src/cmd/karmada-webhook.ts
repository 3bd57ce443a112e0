/** karmada-webhook: Karmada's admission for an API server that is not ours. Flags → options → run. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ResourceInterpreterCustomization } from '../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { karmadaCustomResourceDefinitions } from '../apis/crd.ts';
import { resourceInterpreterCustomizations } from '../apis/resource-types.ts';
import { connect } from '../client/connect.ts';
import { untilAborted } from '../component/abort.ts';
import { serveEndpoints } from '../component/endpoints.ts';
import { parseExecutable } from '../component/executable.ts';
import {
  allowNoExecuteTaintPolicyFlag,
  endpointFlags,
  kubeApiFlags,
  logFlags,
  profilingFlags,
} from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { createHealth } from '../component/health.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger } from '../component/logging.ts';
import { createRegistry } from '../component/metrics.ts';
import { watchKeyPair } from '../component/watched-key-pair.ts';
import { createLuaPool } from '../interpreter/lua/pool.ts';
import { karmadaKindRules } from '../karmada-admission/kind-rules.ts';
import { webhookConfigurations, withConversion } from '../karmada-admission/webhook-configurations.ts';
import { serveWebhooks } from '../karmada-admission/webhook-server.ts';

const name = 'karmada-webhook';

const flags = parseExecutable({
  name,
  description: `Defaults, validates and converts Karmada's objects for a Kubernetes API server that is not karmada-apiserver, which does this
by itself.`,
  examples: `# What the API server needs: Karmada's definitions and the configurations that call this webhook
    karmada-webhook --print-manifests --webhook-ca-file=ca.crt | kubectl apply --server-side -f -
    # Serve
    karmada-webhook --kubeconfig=karmada.config --cert-dir=pki`,
  flags: {
    'bind-address': flag.string('0.0.0.0', 'The IP address on which to listen for the --secure-port port.'),
    'secure-port': flag.int(8443, 'The secure port on which to serve HTTPS. 0 picks a free one.'),
    'cert-dir': flag.string(
      '/tmp/k8s-webhook-server/serving-certs',
      'The directory that contains the server key and certificate. They are read again when they change.',
    ),
    'tls-cert-file-name': flag.string('tls.crt', 'The name of server certificate.'),
    'tls-private-key-file-name': flag.string('tls.key', 'The name of server key.'),
    'tls-min-version': flag.choice(['1.2', '1.3'], '1.3', 'Minimum TLS version supported. Possible values: 1.2, 1.3.'),
    'allow-no-execute-taint-policy': allowNoExecuteTaintPolicyFlag,
    'print-manifests': flag.bool(
      false,
      "Print Karmada's CustomResourceDefinitions and the webhook configurations as YAML, and end.",
    ),
    'webhook-url': flag.string(
      'https://karmada-webhook.karmada-system.svc:443',
      'Where the API server reaches this webhook; for --print-manifests.',
    ),
    'webhook-ca-file': flag.string(
      '',
      "File with the authority (PEM) that signed this webhook's certificate; for --print-manifests.",
    ),
    ...endpointFlags(':8000'),
    ...profilingFlags,
    ...kubeApiFlags,
    ...logFlags,
  },
});

if (flags['print-manifests']) {
  const url = flags['webhook-url'].replace(/\/$/, '');
  const ca = flags['webhook-ca-file'] === '' ? undefined : readFileSync(flags['webhook-ca-file'], 'utf8');
  // The rules are only named here, not asked.
  const rules = karmadaKindRules({ customizations: { list: async () => [], compile: async () => {} } });
  const manifests = [
    ...withConversion(karmadaCustomResourceDefinitions(), url, ca),
    ...webhookConfigurations({ rules, url, ca }),
  ];
  const text = manifests.map(
    (manifest) => `---\n${stringify(manifest, { aliasDuplicateObjects: false, lineWidth: 0 })}`,
  );
  process.stdout.write(text.join(''), () => process.exit(0));
} else {
  const logger = createLogger(name, { v: flags.v, format: flags['logging-format'] });
  await runComponent((signal) => serve(signal, logger), { logger });
}

async function serve(signal: AbortSignal, logger: ReturnType<typeof createLogger>): Promise<void> {
  const certificate = watchKeyPair(
    join(flags['cert-dir'], flags['tls-cert-file-name']),
    join(flags['cert-dir'], flags['tls-private-key-file-name']),
  );
  const health = createHealth();
  const endpoints = await serveEndpoints({
    healthAddress: flags['health-probe-bind-address'],
    metricsAddress: flags['metrics-bind-address'],
    health,
    registry: createRegistry(),
    profiling: flags,
  });
  const { client } = connect({
    kubeconfig: flags.kubeconfig,
    master: flags.master,
    userAgent: name,
    qps: flags['kube-api-qps'],
    burst: flags['kube-api-burst'],
  });
  const lua = createLuaPool();
  try {
    const server = await serveWebhooks({
      host: flags['bind-address'],
      port: flags['secure-port'],
      ...certificate.current,
      minVersion: flags['tls-min-version'] === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
      rules: karmadaKindRules({
        customizations: {
          list: async () =>
            (await client.resource<ResourceInterpreterCustomization>(resourceInterpreterCustomizations).list()).items,
          compile: (chunk, script) => lua.compile(chunk, script),
        },
        allowNoExecuteTaintPolicy: flags['allow-no-execute-taint-policy'],
      }),
      logger,
    });
    const { address, port }: AddressInfo = server.address;
    logger.info('Serving', { url: `https://${address.includes(':') ? `[${address}]` : address}:${port}` });
    const endLooks = certificate.follow((pair) => server.useCertificate(pair), logger);
    await untilAborted(signal);
    endLooks();
    await server.stop();
  } finally {
    await lua.close();
    await client.close();
    await endpoints.stop();
  }
}
