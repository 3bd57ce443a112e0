/** What a Cluster must look like. Field names in errors are upstream's, also where they are odd (`spec.Zone`). */
import { dns1123LabelErrors, labelValueErrors, qualifiedNameErrors } from '../apimachinery/names.ts';
import type { DeepReadonly } from '../apimachinery/object.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';
import type { Cluster, Taint } from '../apis/cluster/v1alpha1/cluster.ts';
import { validateResourceModels } from './resource-models.ts';

const maxNameLength = 48;

/** Names become part of namespaces and certificates, hence the short limit. */
export function clusterNameErrors(name: string): string[] {
  if (name === '') return ['must be not empty'];
  const errors = dns1123LabelErrors(name);
  return name.length > maxNameLength ? [`must be no more than ${maxNameLength} characters`, ...errors] : errors;
}

export function validateCluster({ spec }: DeepReadonly<Cluster>): FieldError[] {
  if (spec === undefined) return [fieldError.required('spec')];
  return [
    ...syncMode(spec.syncMode),
    ...apiEndpoint(spec.apiEndpoint),
    ...reference(spec.secretRef, 'spec.secretRef'),
    ...reference(spec.impersonatorSecretRef, 'spec.impersonatorSecretRef'),
    ...proxyUrl(spec.proxyURL),
    ...labelValue(spec.provider, 'spec.provider'),
    ...labelValue(spec.region, 'spec.region'),
    ...(spec.zone && (spec.zones?.length ?? 0) > 0
      ? [fieldError.typeInvalid('spec.spec', spec, 'Zone and Zones cannot co-exist')]
      : []),
    ...labelValue(spec.zone, 'spec.Zone'),
    ...(spec.zones ?? []).flatMap((zone) => labelValue(zone, 'spec.Zones')),
    ...taints(spec.taints ?? []),
    ...validateResourceModels(spec.resourceModels ?? [], 'spec.resourceModels'),
  ];
}

const modes = ['Pull', 'Push'];

function syncMode(mode: string | undefined): FieldError[] {
  const unknown = modes.includes(mode ?? '') ? [] : [fieldError.notSupported('spec.syncMode', mode ?? '', modes)];
  return mode ? unknown : [fieldError.required('spec.syncMode'), ...unknown];
}

function apiEndpoint(endpoint: string | undefined): FieldError[] {
  if (!endpoint) return [];
  const invalid = (why: string) => [fieldError.invalid('spec.apiEndpoint', endpoint, why)];
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch (error) {
    return invalid(`apiEndpoint must be a valid URL: ${(error as Error).message}`);
  }
  const errors: FieldError[] = [];
  if (url.host === '') {
    errors.push(...invalid('host must be provided; desired format: hostname, hostname:port, IP or IP:port'));
  }
  if (url.username !== '' || url.password !== '')
    errors.push(...invalid('user information is not permitted in the URL'));
  if (url.hash !== '') errors.push(...invalid('fragments are not permitted in the URL'));
  if (url.search !== '') errors.push(...invalid('query parameters are not permitted in the URL'));
  return errors;
}

function reference(
  secret: { readonly namespace?: string; readonly name?: string } | undefined,
  field: string,
): FieldError[] {
  if (secret === undefined) return [];
  const errors: FieldError[] = [];
  if (!secret.namespace) errors.push(fieldError.required(`${field}.namespace`));
  if (!secret.name) errors.push(fieldError.required(`${field}.name`));
  return errors;
}

const proxySchemes = ['http:', 'https:', 'socks5:'];

function proxyUrl(text: string | undefined): FieldError[] {
  if (!text) return [];
  try {
    const { protocol } = new URL(text);
    if (proxySchemes.includes(protocol)) return [];
    const scheme = JSON.stringify(protocol.slice(0, -1));
    return [fieldError.invalid('spec.proxyURL', text, `unsupported scheme ${scheme}, must be http, https, or socks5`)];
  } catch (error) {
    return [fieldError.invalid('spec.proxyURL', text, (error as Error).message)];
  }
}

function labelValue(value: string | undefined, field: string): FieldError[] {
  return labelValueErrors(value ?? '').map((why) => fieldError.invalid(field, value, why));
}

const effects = ['NoSchedule', 'NoExecute'];

function taints(list: DeepReadonly<Taint[]>): FieldError[] {
  const seen = new Set<string>();
  return list.flatMap((taint, index) => {
    const field = `spec.taints[${index}]`;
    const errors = [
      ...qualifiedNameErrors(taint.key ?? '').map((why) => fieldError.invalid(`${field}.key`, taint.key, why)),
      ...labelValueErrors(taint.value ?? '').map((why) => fieldError.invalid(`${field}.value`, taint.value, why)),
    ];
    if (!taint.effect) errors.push(fieldError.required(`${field}.effect`));
    else if (!effects.includes(taint.effect))
      errors.push(fieldError.notSupported(`${field}.effect`, taint.effect, effects));
    const pair = `${taint.key} ${taint.effect}`;
    if (seen.has(pair)) errors.push(fieldError.duplicate(field, taint));
    seen.add(pair);
    return errors;
  });
}
