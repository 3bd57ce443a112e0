/** APIServices: defaults, rules, columns. Proxying to them is the API server's work. */
import { isConditionTrue } from '../../apimachinery/conditions.ts';
import { pathSegmentErrors } from '../../apimachinery/names.ts';
import type { Condition, DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { defineKind, type KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { checkDnsLabel, checkDnsSubdomain, checkPort } from '../validation.ts';

export interface ApiService extends Unstructured {
  spec: {
    group?: string;
    version?: string;
    groupPriorityMinimum: number;
    versionPriority: number;
    service?: { namespace?: string; name?: string; port?: number };
    /** Base64 of PEM. */
    caBundle?: string;
    insecureSkipTLSVerify?: boolean;
  };
  status?: { conditions?: Condition[] };
}

const { column } = columnsOf<ApiService>();

const behaviour: KindBehaviour = {
  default(object) {
    const { service } = (object as ApiService).spec ?? {};
    if (service !== undefined) service.port ??= 443;
  },
  validateName: (name) => pathSegmentErrors(name)[0],
  validate: (object) => check(object as DeepReadonly<ApiService>),
  columns: [
    nameColumn,
    column('Service', ({ spec: { service } }) =>
      service === undefined ? 'Local' : `${service.namespace}/${service.name}`,
    ),
    column('Available', ({ status }) => availability(status?.conditions)),
    ageColumn,
  ],
};

export const apiServices = defineKind(
  'apiregistration.k8s.io/v1',
  'apiservices',
  'APIService',
  {
    scope: 'Cluster',
    status: true,
    categories: ['api-extensions'],
    unconditionalUpdate: false,
    statusKeepsMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
  },
  behaviour,
);

function availability(conditions: DeepReadonly<Condition[]> | undefined): string {
  if (isConditionTrue(conditions, 'Available')) return 'True';
  const found = conditions?.find(({ type }) => type === 'Available');
  return found === undefined ? 'Unknown' : `${found.status} (${found.reason})`;
}

function check({ metadata, spec }: DeepReadonly<ApiService>): FieldError[] {
  const { group = '', version = '', service, groupPriorityMinimum = 0, versionPriority = 0 } = spec;
  const errors: FieldError[] = [];
  const name = `${version}.${group}`;
  if (metadata.name !== name)
    errors.push(
      fieldError.invalid(
        'metadata.name',
        metadata.name ?? '',
        `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`,
      ),
    );
  if (group !== '') errors.push(...checkDnsSubdomain(group, 'spec.group'));
  else if (version !== 'v1')
    errors.push(fieldError.required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  errors.push(...checkDnsLabel(version, 'spec.version'));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000)
    errors.push(
      fieldError.invalid('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'),
    );
  if (versionPriority <= 0 || versionPriority > 1000)
    errors.push(fieldError.invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  if (service === undefined) {
    if (spec.caBundle)
      errors.push(
        fieldError.invalid(
          'spec.caBundle',
          `${Buffer.from(spec.caBundle, 'base64').length} bytes`,
          'local APIServices may not have a caBundle',
        ),
      );
    if (spec.insecureSkipTLSVerify)
      errors.push(
        fieldError.invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'),
      );
    return errors;
  }
  if (!service.namespace) errors.push(fieldError.required('spec.service.namespace'));
  if (!service.name) errors.push(fieldError.required('spec.service.name'));
  if (service.port !== undefined) errors.push(...checkPort(service.port, 'spec.service.port'));
  if (spec.insecureSkipTLSVerify && spec.caBundle)
    errors.push(fieldError.invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return errors;
}
