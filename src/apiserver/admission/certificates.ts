/**
 * Who may decide on a CertificateSigningRequest, who may sign it, and what may not be asked for. Rights are by signer: the verbs
 * `approve` and `sign` on resource `signers`, with the signer's name or `<its domain>/*` as the name.
 */
import { type DeepReadonly, deepEqual, type Unstructured } from '../../apimachinery/object.ts';
import { forbidden } from '../../apimachinery/status-error.ts';
import { parseCertificateRequest } from '../../component/certificates.ts';
import { certificateSigningRequests } from '../../kubernetes/resource-types.ts';
import type { CertificateSigningRequest } from '../../kubernetes/types.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

export function createCertificatePlugins(authorizer: Authorizer): AdmissionPlugin[] {
  return [
    {
      name: 'CertificateApproval',
      handles: (request) => concerns(request, 'UPDATE', 'approval'),
      validate: (request) => checkRight(request, 'approve', authorizer),
    },
    {
      name: 'CertificateSigning',
      handles: (request) => concerns(request, 'UPDATE', 'status'),
      async validate(request) {
        const [now, before] = [request.object, request.oldObject].map((object) => csr(object)?.status);
        const same =
          now?.certificate === before?.certificate && deepEqual(now?.conditions ?? [], before?.conditions ?? []);
        if (!same) await checkRight(request, 'sign', authorizer);
      },
    },
    {
      name: 'CertificateSubjectRestriction',
      handles: (request) => concerns(request, 'CREATE', ''),
      validate: refuseMasters,
    },
  ];
}

const concerns = ({ type, operation, subresource }: AdmissionRequest, wanted: string, view: string): boolean =>
  type.resource === certificateSigningRequests.resource &&
  type.group === certificateSigningRequests.group &&
  operation === wanted &&
  subresource === view;

const csr = (object: DeepReadonly<Unstructured> | undefined) =>
  object as DeepReadonly<CertificateSigningRequest> | undefined;

async function checkRight(request: AdmissionRequest, verb: 'approve' | 'sign', authorizer: Authorizer): Promise<void> {
  const signer = csr(request.oldObject)?.spec?.signerName ?? '';
  for (const name of [signer, `${signer.split('/')[0]}/*`]) {
    const decision = await authorizer.authorize({
      user: request.user,
      verb,
      group: certificateSigningRequests.group,
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
    });
    if (decision.allowed) return;
  }
  throw forbidden(
    request.type,
    request.name,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`,
  );
}

/** A certificate of that group would stand above all rules, and cannot be taken back. */
async function refuseMasters({ object, type, name }: AdmissionRequest): Promise<void> {
  const spec = csr(object)?.spec;
  if (spec?.signerName !== 'kubernetes.io/kube-apiserver-client') return;
  const parsed = await parseCertificateRequest(Buffer.from(spec.request ?? '', 'base64').toString()).catch(
    (error: Error) => Promise.reject(forbidden(type, name, `unable to parse csr: ${error.message}`)),
  );
  if (parsed.organizations.includes('system:masters'))
    throw forbidden(type, name, `use of ${spec.signerName} signer with system:masters group is not allowed`);
}
