/** What a machine needs to join the control plane: a bootstrap token, a signed cluster-info, and a certificate for its request. */
import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { requestFor } from '../support/certificate-request.ts';
import { kubectlFor, localEnvironment } from '../support/local-environment.ts';

const environment = localEnvironment(inject('home'));
const { raw } = kubectlFor(environment.env);
const context = ['--context', 'karmada-apiserver'];

async function kubectl(args: string[], options: { input?: string } = {}): Promise<string> {
  const { code, stdout, stderr } = await raw(args, options);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}
afterAll(async () => {
  await raw([...context, 'delete', 'csr/agent']);
  await raw([...context, 'delete', 'secret/bootstrap-token-e2etok', '-n', 'kube-system']);
});

describe('the control plane', () => {
  it('signs what is approved for an agent', async () => {
    const subject = '/O=system:karmada:agents/CN=system:karmada:agent:member9';
    const made = await requestFor(subject, { key: 'rsa' });
    const request = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'agent' },
      spec: {
        request: Buffer.from(made.request).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['digital signature', 'key encipherment', 'client auth'],
      },
    };
    await kubectl([...context, 'create', '-f', '-'], { input: JSON.stringify(request) });
    await kubectl([...context, 'certificate', 'approve', 'agent']);
    await kubectl([...context, 'wait', 'csr/agent', '--for=jsonpath={.status.certificate}', '--timeout=30s']);
    const encoded = await kubectl([...context, 'get', 'csr', 'agent', '-o', 'jsonpath={.status.certificate}']);
    const certificate = new X509Certificate(Buffer.from(encoded, 'base64'));
    expect(certificate.subject).toBe('O=system:karmada:agents\nCN=system:karmada:agent:member9');
  });

  it('knows a bootstrap token, and signs cluster-info with it', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: 'bootstrap-token-e2etok', namespace: 'kube-system' },
      stringData: {
        'token-id': 'e2etok',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        'usage-bootstrap-signing': 'true',
      },
    };
    await kubectl([...context, 'create', '-f', '-'], { input: JSON.stringify(secret) });
    const signature = ['--for=jsonpath={.data.jws-kubeconfig-e2etok}', '--timeout=30s'];
    await kubectl([...context, 'wait', 'configmap/cluster-info', '-n', 'kube-public', ...signature]);
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: 'e2etok.0123456789abcdef' },
    };
    const name = ['-o', 'jsonpath={.status.user.username}'];
    expect(await kubectl([...context, 'create', '-f', '-', ...name], { input: JSON.stringify(review) })).toBe(
      'system:bootstrap:e2etok',
    );
  });
});
