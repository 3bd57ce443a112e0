/** Secrets of karmada-system: certificates, keys and the kubeconfig of each component. */
import { clientKubeconfig } from '../../installation/client-kubeconfig.ts';
import type { ControlPlanePki } from '../../installation/control-plane-certificates.ts';
import { componentNamespace } from '../../installation/control-plane-objects.ts';
import type { Secret } from '../../kubernetes/types.ts';
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
    ...Object.entries(pki.clients).map(([component, pair]) =>
      secret(secretNames.kubeconfigOf(component), {
        'ca.crt': pki.ca.cert,
        'karmada.config': clientKubeconfig({ server: apiServerUrl, ca: pki.ca.cert, user: component, pair }),
      }),
    ),
  ];
}
