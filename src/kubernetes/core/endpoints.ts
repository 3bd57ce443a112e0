/** Endpoints: defaults, rules, columns. */
import { isIP, isIPv6 } from 'node:net';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, moreText, nameColumn } from '../printing/formats.ts';
import type { Endpoints } from '../types.ts';
import { checkOneOf, checkPort } from '../validation.ts';

const { column } = columnsOf<Endpoints>();
type Typed = DeepReadonly<Endpoints>;

export const endpoints: KindBehaviour = {
  default(object) {
    for (const subset of (object as unknown as Endpoints).subsets ?? []) {
      for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
    }
  },
  validate(object) {
    const errors: FieldError[] = [];
    (object as Typed).subsets?.forEach((subset, i) => {
      const at = `subsets[${i}]`;
      const addresses = subset.addresses ?? [];
      const notReady = subset.notReadyAddresses ?? [];
      if (addresses.length === 0 && notReady.length === 0) {
        errors.push(fieldError.required(at, 'must specify `addresses` or `notReadyAddresses`'));
      }
      for (const [list, entries] of [
        ['addresses', addresses],
        ['notReadyAddresses', notReady],
      ] as const) {
        entries.forEach(({ ip }, j) => {
          if (isIP(ip ?? '') === 0) {
            errors.push(
              fieldError.invalid(
                `${at}.${list}[${j}].ip`,
                ip ?? '',
                'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
              ),
            );
          }
        });
      }
      subset.ports?.forEach((port, j) => {
        if ((subset.ports?.length ?? 0) > 1 && !port.name) errors.push(fieldError.required(`${at}.ports[${j}].name`));
        errors.push(...checkPort(port.port, `${at}.ports[${j}].port`));
        errors.push(...checkOneOf(port.protocol, ['SCTP', 'TCP', 'UDP'], `${at}.ports[${j}].protocol`, true));
      });
    });
    return errors;
  },
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  columns: [nameColumn, column('Endpoints', endpointsText), ageColumn],
};

function endpointsText({ subsets }: Typed): string {
  const texts: string[] = [];
  for (const subset of subsets ?? []) {
    const ips = (subset.addresses ?? []).map(({ ip }) => ip);
    const ports = subset.ports ?? [];
    if (ports.length === 0) texts.push(...ips);
    for (const { port } of ports) texts.push(...ips.map((ip) => (isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`)));
  }
  return texts.length === 0 ? '<none>' : moreText(texts, 3);
}
