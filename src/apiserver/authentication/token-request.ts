/** `serviceaccounts/token`: signs a token for a service account, bound to it and, if asked, to a Pod, Secret or Node. */
import type { Clock } from '../../apimachinery/clock.ts';
import { formatTime } from '../../apimachinery/clock.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { badRequest, conflict, fieldError, forbidden, invalid, notFound } from '../../apimachinery/status-error.ts';
import type { NamedObject, ServiceAccountTokenSigner } from '../../component/service-account-token.ts';
import { schemaOf } from '../../kubernetes/field-schema.ts';
import { nodes, pods, secrets, serviceAccounts } from '../../kubernetes/resource-types.ts';
import { decodeBody } from '../decoding.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { ConnectHandler, ConnectRequest } from '../server.ts';

/** `audiences`: for requests that name none. */
export function createTokenRequestHandler(
  signer: ServiceAccountTokenSigner,
  audiences: readonly string[],
  catalog: ResourceCatalog,
  clock: Clock,
): ConnectHandler {
  return {
    group: '',
    version: 'v1',
    resource: serviceAccounts.resource,
    subresource: 'token',
    methods: ['POST'],
    kind: tokenRequest.kind,
    kindGroupVersion: { group: tokenRequest.group, version: tokenRequest.version },
    async handle(connect) {
      const { object } = await decodeBody(connect.request, {
        type: tokenRequest,
        typed: true,
        schema: schemaOf(tokenRequest),
      });
      const body = await issue(object, connect, { signer, audiences, catalog, clock });
      return { status: 201, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    },
  };
}

interface Issuer {
  signer: ServiceAccountTokenSigner;
  audiences: readonly string[];
  catalog: ResourceCatalog;
  clock: Clock;
}

interface Spec {
  audiences?: string[];
  expirationSeconds?: number;
  boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string };
}

const tokenRequest = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
const minimumSeconds = 600;
const maximumSeconds = 2 ** 32;
const defaultSeconds = 3600;

async function issue(request: Unstructured, connect: ConnectRequest, issuer: Issuer): Promise<Unstructured> {
  const { namespace, name, object: account } = connect;
  const given = request.metadata as { name?: string; namespace?: string } | undefined;
  if (given?.name && given.name !== name)
    throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`);
  if (given?.namespace && given.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  const spec: Spec = { ...(request['spec'] as Spec | undefined) };
  spec.expirationSeconds ??= defaultSeconds;
  if (spec.audiences === undefined || spec.audiences.length === 0) spec.audiences = [...issuer.audiences];
  checkExpiration(spec.expirationSeconds);
  const bound = await boundObject(spec.boundObjectRef, connect, issuer.catalog);
  const serviceAccount: NamedObject = { name, uid: account.metadata.uid ?? '' };
  const now = issuer.clock.now();
  const { token, expiresAt } = issuer.signer.signBound(
    { namespace, serviceAccount, audiences: spec.audiences, expirationSeconds: spec.expirationSeconds, ...bound },
    now,
  );
  return {
    kind: tokenRequest.kind,
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, creationTimestamp: formatTime(now) },
    spec,
    status: { token, expirationTimestamp: formatTime(expiresAt * 1000) },
  };
}

function checkExpiration(seconds: number): void {
  const refuse = (detail: string) =>
    invalid(tokenRequest, '', [fieldError.invalid('spec.expirationSeconds', seconds, detail)]);
  if (seconds < minimumSeconds) throw refuse('may not specify a duration less than 10 minutes');
  if (seconds > maximumSeconds) throw refuse('may not specify a duration larger than 2^32 seconds');
}

async function boundObject(
  ref: Spec['boundObjectRef'],
  { namespace, name, object: account }: ConnectRequest,
  catalog: ResourceCatalog,
): Promise<{ pod?: NamedObject; secret?: NamedObject; node?: NamedObject }> {
  if (ref === undefined || ref === null) return {};
  const types: Readonly<Record<string, ResourceType>> = { Pod: pods, Secret: secrets, Node: nodes };
  const type = types[ref.kind ?? ''];
  if (type === undefined || (ref.apiVersion ?? 'v1') !== 'v1')
    throw badRequest(
      `cannot bind token for serviceaccount "${name}" to object of type ${ref.apiVersion}, Kind=${ref.kind}`,
    );
  const found = await catalog.reader(type).get({ namespace, name: ref.name ?? '' });
  if (found === undefined) throw notFound(type, ref.name ?? '');
  const uid = found.metadata.uid ?? '';
  if (ref.uid && ref.uid !== uid)
    throw conflict(
      type,
      ref.name ?? '',
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  const bound: NamedObject = { name: ref.name ?? '', uid };
  if (type === nodes) return { node: bound };
  if (type === secrets) return { secret: bound };
  const spec = found['spec'] as { readonly serviceAccountName?: string; readonly nodeName?: string } | undefined;
  if (spec?.serviceAccountName !== account.metadata.name)
    throw forbidden(
      serviceAccounts,
      name,
      `cannot bind token for serviceaccount "${name}" to pod running with different serviceaccount name.`,
    );
  const node = spec?.nodeName ? await catalog.reader(nodes).get({ name: spec.nodeName }) : undefined;
  return node === undefined
    ? { pod: bound }
    : { pod: bound, node: { name: node.metadata.name ?? '', uid: node.metadata.uid ?? '' } };
}
