/** Secrets of karmada-system: certificates, keys and the kubeconfig of each component. */
import { stringify } from 'yaml';
import type { Secret } from '../../kubernetes/types.ts';
import type { ControlPlanePki } from '../certificates.ts';
import { pullMemberName } from '../environment.ts';
import { componentNamespace } from './component.ts';
import { apiServerUrl, secretNames } from './components.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

export function componentSecrets(pki: ControlPlanePki): Secret[] {
  const secret = (name: string, data: Record<string, string>): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: componentNamespace },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
  });
  return [
    secret(secretNames.serving, { 'ca.crt': pki.ca.cert, 'tls.crt': pki.serving.cert, 'tls.key': pki.serving.key }),
    secret(secretNames.authority, { 'ca.crt': pki.ca.cert, 'ca.key': pki.ca.key }),
    secret(secretNames.serviceAccountKey, {
      'sa.key': pki.serviceAccount.privateKey,
      'sa.pub': pki.serviceAccount.publicKey,
    }),
    ...Object.entries(pki.clients)
      // The agent runs elsewhere.
      .filter(([component]) => component !== pullMemberName)
      .map(([component, pair]) =>
        secret(secretNames.kubeconfigOf(component), {
          'ca.crt': pki.ca.cert,
          'karmada.config': componentKubeconfig(component, pki.ca.cert, pair),
        }),
      ),
  ];
}

function componentKubeconfig(user: string, ca: string, pair: { cert: string; key: string }): string {
  const name = 'karmada-apiserver';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: apiServerUrl, 'certificate-authority-data': base64(ca) } }],
    users: [
      { name: user, user: { 'client-certificate-data': base64(pair.cert), 'client-key-data': base64(pair.key) } },
    ],
    contexts: [{ name, context: { cluster: name, user } }],
    'current-context': name,
  });
}
