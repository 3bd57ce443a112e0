/**
 * CertificateSigningRequests: who asks is filled in by the server, the spec never changes, /approval decides and /status
 * brings the certificate.
 */
import type * as certificates from 'kubernetes-types/certificates/v1.d.ts';
import { formatTime } from '../../apimachinery/clock.ts';
import { isDns1123Subdomain } from '../../apimachinery/names.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import type { ObjectView, WriteContext } from '../../apimachinery/resource-definition.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { humanDuration } from '../printing/human-duration.ts';
import type { CertificateSigningRequest } from '../types.ts';

const { column } = columnsOf<CertificateSigningRequest>();
type Typed = DeepReadonly<CertificateSigningRequest>;
type Condition = certificates.CertificateSigningRequestCondition;
type Conditions = readonly DeepReadonly<Condition>[];

/** PUT and PATCH take the conditions; the signer's rights are an admission rule. */
const approval: ObjectView = {
  verbs: ['get', 'patch', 'update'],
  merge(sent, old, { now }) {
    const merged = cloneJson(old) as unknown as CertificateSigningRequest;
    const { conditions } = (sent as unknown as CertificateSigningRequest).status ?? {};
    merged.status = { ...merged.status };
    if (conditions === undefined) delete merged.status.conditions;
    else merged.status.conditions = stamped(conditions, (old as Typed).status?.conditions ?? [], now);
    return merged as unknown as Unstructured;
  },
  validate: (object, old) => [
    ...checkConditions((object as Typed).status?.conditions ?? []),
    ...checkKept(object as Typed, old as Typed, ['Approved', 'Denied', 'Failed']),
  ],
};

export const certificateSigningRequest: KindBehaviour = {
  prepareForCreate(object, { user }) {
    const { spec } = object as unknown as CertificateSigningRequest;
    if (spec === undefined) return;
    fillRequestor(spec, user);
  },
  prepareForUpdate(object, old) {
    object['spec'] = cloneJson(old['spec']);
  },
  prepareForStatusUpdate(object, old, { now }) {
    const csr = object as unknown as CertificateSigningRequest;
    const before = (old as Typed).status?.conditions ?? [];
    if (csr.status === undefined) return;
    const conditions = keepDecision(csr.status.conditions ?? [], before);
    if (conditions.length > 0) csr.status.conditions = stamped(conditions, before, now);
    else delete csr.status.conditions;
  },
  validate: (object) => [
    ...checkSpec((object as Typed).spec),
    ...checkConditions((object as Typed).status?.conditions ?? []),
  ],
  validateStatus: (object, old) => [
    ...checkConditions((object as Typed).status?.conditions ?? []),
    ...checkKept(object as Typed, old as Typed, ['Approved', 'Denied', 'Failed']),
    ...checkCertificate((object as Typed).status?.certificate, (old as Typed).status?.certificate),
  ],
  validateName: (name) =>
    name === '.' || name === '..' || /[/%]/.test(name) ? `may not be '.' or '..' or contain '/' or '%'` : undefined,
  views: { approval },
  selectableFields: { 'spec.signerName': (object) => (object as Typed).spec?.signerName ?? '' },
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', ({ spec }) => spec?.signerName || '<none>'),
    column('Requestor', ({ spec }) => spec?.username ?? ''),
    column('RequestedDuration', ({ spec }) =>
      spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    ),
    column('Condition', conditionText),
  ],
};

function fillRequestor(spec: certificates.CertificateSigningRequestSpec, user: WriteContext['user']): void {
  spec.username = user.name;
  delete spec.uid;
  delete spec.groups;
  delete spec.extra;
  if (user.uid !== undefined && user.uid !== '') spec.uid = user.uid;
  if (user.groups.length > 0) spec.groups = [...user.groups];
  const extra = Object.entries(user.extra ?? {});
  if (extra.length > 0) spec.extra = Object.fromEntries(extra.map(([key, values]) => [key, [...values]]));
}

/** A signer may neither give nor take back an approval: an attempt leaves all conditions as they were. */
function keepDecision(conditions: readonly Condition[], before: Conditions): Condition[] {
  const same = ['Approved', 'Denied'].every(
    (type) =>
      conditions.filter((condition) => condition.type === type).length ===
      before.filter((condition) => condition.type === type).length,
  );
  if (!same) return cloneJson(before) as Condition[];
  return conditions.map((condition) => {
    const decided = condition.type === 'Approved' || condition.type === 'Denied';
    const stored = decided ? before.find(({ type }) => type === condition.type) : undefined;
    return stored === undefined ? condition : (cloneJson(stored) as Condition);
  });
}

/** Times that are missing are now, or those of the same condition before. */
function stamped(conditions: readonly Condition[], before: Conditions, now: number): Condition[] {
  return conditions.map((condition) => {
    const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? formatTime(now),
      lastTransitionTime: condition.lastTransitionTime ?? same?.lastTransitionTime ?? formatTime(now),
    };
  });
}

const shortestSeconds = 600;
const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

function checkSpec(spec: Typed['spec']): FieldError[] {
  const errors = checkRequest(spec?.request);
  if (spec?.usages === undefined || spec.usages.length === 0) errors.push(fieldError.required('spec.usages'));
  const seen = new Set<string>();
  spec?.usages?.forEach((usage, i) => {
    if (!usages.includes(usage)) errors.push(fieldError.notSupported(`spec.usages[${i}]`, usage, usages));
    if (seen.has(usage)) errors.push(fieldError.duplicate(`spec.usages[${i}]`, usage));
    seen.add(usage);
  });
  const signer = spec?.signerName ?? '';
  if (signer === 'kubernetes.io/legacy-unknown') {
    errors.push(
      fieldError.invalid('spec.signerName', signer, 'the legacy signerName is not allowed via this API version'),
    );
  } else errors.push(...checkSignerName(signer, 'spec.signerName'));
  const seconds = spec?.expirationSeconds;
  if (seconds !== undefined && seconds < shortestSeconds) {
    errors.push(
      fieldError.invalid(
        'spec.expirationSeconds',
        seconds,
        `may not specify a duration less than ${shortestSeconds} seconds (10 minutes)`,
      ),
    );
  }
  return errors;
}

function checkRequest(request: string | undefined): FieldError[] {
  const blocks = pemBlocks(request);
  if (blocks.length === 1 && blocks[0] === 'CERTIFICATE REQUEST') return [];
  // The value is shown as the bytes that it is upstream.
  const shown = [...Buffer.from(request ?? '', 'base64')].slice(0, 64);
  return [fieldError.invalid('spec.request', shown, 'PEM block type must be CERTIFICATE REQUEST')];
}

/** `example.com/name`: a domain of two labels or more, and a path. */
export function checkSignerName(name: string, field: string): FieldError[] {
  if (name === '') return [fieldError.required(field)];
  const [domain = '', path, ...more] = name.split('/');
  if (path === undefined || path === '' || more.length > 0) {
    return [
      fieldError.invalid(
        field,
        name,
        "must be a fully qualified domain and path of the form 'example.com/signer-name'",
      ),
    ];
  }
  const errors: FieldError[] = [];
  if (!isDns1123Subdomain(domain)) {
    errors.push(fieldError.invalid(field, name, 'the domain must be a lowercase RFC 1123 subdomain'));
  } else if (!domain.includes('.')) {
    errors.push(fieldError.invalid(field, name, 'should be a domain with at least two segments separated by dots'));
  }
  if (!isDns1123Subdomain(path.replaceAll(':', '.'))) {
    errors.push(fieldError.invalid(field, name, 'the path must consist of lowercase RFC 1123 subdomain characters'));
  }
  return errors;
}

const decisive = ['Approved', 'Denied', 'Failed'];

function checkConditions(conditions: Conditions): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  conditions.forEach(({ type, status }, i) => {
    const field = `status.conditions[${i}]`;
    if (!type) errors.push(fieldError.required(`${field}.type`));
    const allowed = decisive.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!status) errors.push(fieldError.required(`${field}.status`));
    else if (!allowed.includes(status)) errors.push(fieldError.notSupported(`${field}.status`, status, allowed));
    if (seen.has(type)) errors.push(fieldError.duplicate(`${field}.type`, type));
    seen.add(type);
    const other = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (other !== undefined && seen.has(other)) {
      errors.push(fieldError.invalid(`${field}.type`, type, 'Approved and Denied conditions are mutually exclusive'));
    }
  });
  return errors;
}

function checkKept(object: Typed, old: Typed, types: readonly string[]): FieldError[] {
  const now = object.status?.conditions ?? [];
  return types
    .filter((type) => old.status?.conditions?.some((condition) => condition.type === type))
    .filter((type) => !now.some((condition) => condition.type === type))
    .map((type) =>
      fieldError.forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`),
    );
}

function checkCertificate(certificate: string | undefined, old: string | undefined): FieldError[] {
  if (old !== undefined && old !== '' && certificate !== old) {
    return [fieldError.forbidden('status.certificate', 'updates may not modify existing certificate content')];
  }
  if (certificate === undefined || certificate === '') return [];
  const blocks = pemBlocks(certificate);
  if (blocks.length === 0) {
    return [
      fieldError.invalid('status.certificate', '<certificate data>', 'must contain at least one CERTIFICATE PEM block'),
    ];
  }
  return blocks
    .filter((type) => type !== 'CERTIFICATE')
    .map((type) =>
      fieldError.invalid(
        'status.certificate',
        '<certificate data>',
        `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`,
      ),
    );
}

/** The types of the PEM blocks in base64 data. */
function pemBlocks(data: string | undefined): string[] {
  const text = Buffer.from(data ?? '', 'base64').toString('latin1');
  return [...text.matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----\r?$[\s\S]*?^-----END \1-----\r?$/gm)].map(
    (match) => match[1] ?? '',
  );
}

function conditionText({ status }: Typed): string {
  return requestState(status);
}

/** `Pending`, `Approved,Issued` and the like. */
export function requestState(status: Typed['status']): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type) === true;
  const parts = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'];
  if (has('Failed')) parts.push('Failed');
  if (status?.certificate) parts.push('Issued');
  return parts.join(',');
}
