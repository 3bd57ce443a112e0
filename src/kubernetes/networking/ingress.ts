/** Ingresses: rules, columns. The default class is given by admission. */
import type * as v1 from 'kubernetes-types/networking/v1.d.ts';
import { dns1123SubdomainErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, loadBalancerAddresses, nameColumn } from '../printing/formats.ts';
import type { Ingress } from '../types.ts';
import { checkDnsLabel, checkPort } from '../validation.ts';

const { column } = columnsOf<Ingress>();
type Typed = DeepReadonly<Ingress>;

export const ingress: KindBehaviour = {
  validate: (object) => checkIngress(object as Typed),
  columns: [
    nameColumn,
    column('Class', ({ spec }) => spec?.ingressClassName ?? '<none>'),
    column('Hosts', hostsText),
    column('Address', ({ status }) => loadBalancerAddresses(status?.loadBalancer?.ingress).join(',')),
    column('Ports', ({ spec }) => ((spec?.tls ?? []).length > 0 ? '80, 443' : '80')),
    ageColumn,
  ],
};

function hostsText({ spec }: Typed): string {
  const rules = spec?.rules ?? [];
  const shown: string[] = [];
  let more = false;
  for (const { host } of rules) {
    if (shown.length === 3) more = true;
    if (!more && host) shown.push(host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${rules.length - 3} more...` : shown.join(',');
}

const oldClass = 'kubernetes.io/ingress.class';

function checkIngress({ metadata, spec }: Typed): FieldError[] {
  const errors: FieldError[] = [];
  const annotated = metadata.annotations?.[oldClass];
  // Only new objects: what is stored may have both.
  if (annotated !== undefined && spec?.ingressClassName !== undefined && metadata.resourceVersion === undefined) {
    errors.push(
      fieldError.invalid(
        `metadata.annotations[${oldClass}]`,
        annotated,
        'can not be set when the class field is also set',
      ),
    );
  }
  if (spec?.ingressClassName !== undefined) {
    errors.push(
      ...dns1123SubdomainErrors(spec.ingressClassName).map((text) =>
        fieldError.invalid('spec.ingressClassName', spec.ingressClassName, text),
      ),
    );
  }
  spec?.tls?.forEach(({ hosts = [], secretName }, i) => {
    hosts.forEach((host, j) => {
      checkHost(host, `spec.tls[${i}].hosts[${j}]`, errors);
    });
    if (secretName) {
      errors.push(
        ...dns1123SubdomainErrors(secretName).map((text) =>
          fieldError.invalid(`spec.tls[${i}].secretName`, secretName, text),
        ),
      );
    }
  });
  if ((spec?.rules ?? []).length === 0 && spec?.defaultBackend === undefined) {
    errors.push(fieldError.invalid('spec', [], 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec?.defaultBackend !== undefined) checkBackend(spec.defaultBackend, 'spec.defaultBackend', errors);
  spec?.rules?.forEach((rule, i) => {
    const at = `spec.rules[${i}]`;
    if (rule.host) checkHost(rule.host, `${at}.host`, errors);
    if (rule.http === undefined) return;
    const paths = rule.http.paths ?? [];
    if (paths.length === 0) errors.push(fieldError.required(`${at}.http.paths`));
    paths.forEach((path, j) => {
      checkPath(path, `${at}.http.paths[${j}]`, errors);
    });
  });
  return errors;
}

function checkHost(host: string, at: string, errors: FieldError[]): void {
  if (host.includes('*')) {
    const rest = host.startsWith('*.') ? host.slice(2) : '';
    if (rest === '' || dns1123SubdomainErrors(rest).length > 0) {
      errors.push(
        fieldError.invalid(
          at,
          host,
          "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ),
      );
    }
  } else errors.push(...dns1123SubdomainErrors(host).map((text) => fieldError.invalid(at, host, text)));
}

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];

function checkPath(path: DeepReadonly<v1.HTTPIngressPath>, at: string, errors: FieldError[]): void {
  const text = path.path ?? '';
  if (!path.pathType) errors.push(fieldError.required(`${at}.pathType`, 'pathType must be specified'));
  else if (!pathTypes.includes(path.pathType)) {
    errors.push(fieldError.notSupported(`${at}.pathType`, path.pathType, pathTypes));
  } else if (path.pathType !== 'ImplementationSpecific') {
    if (!text.startsWith('/')) errors.push(fieldError.invalid(`${at}.path`, text, 'must be an absolute path'));
    for (const bad of ['//', '/./', '/../', '%2f', '%2F']) {
      if (text.includes(bad)) errors.push(fieldError.invalid(`${at}.path`, text, `must not contain '${bad}'`));
    }
    for (const bad of ['/..', '/.']) {
      if (text.endsWith(bad)) errors.push(fieldError.invalid(`${at}.path`, text, `cannot end with '${bad}'`));
    }
  } else if (text !== '' && !text.startsWith('/')) {
    errors.push(fieldError.invalid(`${at}.path`, text, 'must be an absolute path'));
  }
  if (path.backend !== undefined) checkBackend(path.backend, `${at}.backend`, errors);
}

function checkBackend(backend: DeepReadonly<v1.IngressBackend>, at: string, errors: FieldError[]): void {
  const { service, resource } = backend;
  if (service !== undefined && resource !== undefined) {
    errors.push(fieldError.invalid(at, '', 'cannot set both resource and service backends'));
  } else if (resource !== undefined) {
    if (!resource.kind) errors.push(fieldError.required(`${at}.resource.kind`));
    if (!resource.name) errors.push(fieldError.required(`${at}.resource.name`));
  } else if (service === undefined) {
    errors.push(fieldError.required(`${at}.service.name`));
  } else {
    if (!service.name) errors.push(fieldError.required(`${at}.service.name`));
    else errors.push(...checkDnsLabel(service.name, `${at}.service.name`));
    const { name, number } = service.port ?? {};
    if (name && number)
      errors.push(fieldError.invalid(`${at}.service.port`, '', 'cannot set both port name & port number'));
    else if (!name && !number) errors.push(fieldError.required(at, 'port name or number is required'));
    else if (number) errors.push(...checkPort(number, `${at}.service.port.number`));
  }
}
