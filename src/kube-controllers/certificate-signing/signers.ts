/** What each of Kubernetes' own signers signs, and in what words it refuses. */
import type { CertificateRequest } from '../../component/certificates.ts';

export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';

/** Why the signer refuses a request; undefined when it signs. */
type Check = (request: CertificateRequest, usages: readonly string[]) => string | undefined;

export const signers: Readonly<Record<string, Check>> = {
  'kubernetes.io/kube-apiserver-client': (_request, usages) => {
    const wrong = usages.find((usage) => !clientUsages.includes(usage));
    if (wrong !== undefined) return `invalid usage for client certificate: ${wrong}`;
    return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
  },
  [kubeletClientSigner]: (request, usages) =>
    wrongOrganization(request) ??
    wrongCommonName(request) ??
    unwantedNames(request, ['DNS', 'IP', 'Email', 'URI']) ??
    wrongUsages(usages, 'client auth'),
  'kubernetes.io/kubelet-serving': (request, usages) =>
    wrongOrganization(request) ??
    (request.dnsNames.length + request.ipAddresses.length === 0 ? 'DNS or IP subjectAltName is required' : undefined) ??
    unwantedNames(request, ['Email', 'URI']) ??
    wrongUsages(usages, 'server auth') ??
    wrongCommonName(request),
};

const clientUsages = ['digital signature', 'key encipherment', 'client auth'];

const wrongOrganization = ({ organizations }: CertificateRequest): string | undefined =>
  organizations.length === 1 && organizations[0] === 'system:nodes'
    ? undefined
    : 'subject organization is not system:nodes';

const wrongCommonName = ({ commonName }: CertificateRequest): string | undefined =>
  commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:';

function unwantedNames(request: CertificateRequest, kinds: readonly ('DNS' | 'IP' | 'Email' | 'URI')[]) {
  const given = { DNS: request.dnsNames, IP: request.ipAddresses, Email: request.emails, URI: request.uris };
  const unwanted = kinds.find((kind) => given[kind].length > 0);
  return unwanted === undefined ? undefined : `${unwanted} subjectAltNames are not allowed`;
}

/** With or without key encipherment, which keys other than RSA have no use for. */
function wrongUsages(usages: readonly string[], purpose: string): string | undefined {
  const wanted = ['digital signature', 'key encipherment', purpose].sort();
  const given = [...new Set([...usages, 'key encipherment'])].sort();
  return given.join() === wanted.join() ? undefined : `usages did not match [${wanted.join(' ')}]`;
}
