/** EndpointSlices: defaults, rules, columns. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, moreText, nameColumn } from '../printing/formats.ts';
import type { EndpointSlice } from '../types.ts';
import { checkOneOf, immutable } from '../validation.ts';

const { column } = columnsOf<EndpointSlice>();
type Typed = DeepReadonly<EndpointSlice>;

const maxEndpoints = 1000;
const maxPorts = 20000;
const maxAddresses = 100;

export const endpointSlice: KindBehaviour = {
  default(object) {
    for (const port of (object as unknown as EndpointSlice).ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate(object) {
    const { addressType, endpoints, ports } = object as Typed;
    const errors: FieldError[] = checkOneOf(addressType, ['FQDN', 'IPv4', 'IPv6'], 'addressType', true);
    if ((endpoints ?? []).length > maxEndpoints) {
      errors.push(fieldError.tooMany('endpoints', endpoints!.length, maxEndpoints));
    }
    if ((ports ?? []).length > maxPorts) errors.push(fieldError.tooMany('ports', ports!.length, maxPorts));
    endpoints?.forEach(({ addresses = [] }, i) => {
      if (addresses.length === 0) {
        errors.push(fieldError.required(`endpoints[${i}].addresses`, 'must contain at least 1 address'));
      } else if (addresses.length > maxAddresses) {
        errors.push(fieldError.tooMany(`endpoints[${i}].addresses`, addresses.length, maxAddresses));
      }
    });
    const names = new Set<string>();
    ports?.forEach((port, i) => {
      const name = port.name ?? '';
      if (names.has(name)) errors.push(fieldError.duplicate(`ports[${i}].name`, name));
      names.add(name);
      errors.push(...checkOneOf(port.protocol, ['SCTP', 'TCP', 'UDP'], `ports[${i}].protocol`, true));
    });
    return errors;
  },
  validateUpdate(object, old) {
    const { addressType } = object as Typed;
    return addressType === (old as Typed).addressType
      ? []
      : [fieldError.invalid('addressType', addressType, immutable)];
  },
  columns: [
    nameColumn,
    column('AddressType', ({ addressType }) => addressType ?? ''),
    column('Ports', ({ ports }) => {
      const texts = (ports ?? []).map((port) => (port.port === undefined ? port.name || '*' : String(port.port)));
      return texts.length === 0 ? '<unset>' : moreText(texts, 3);
    }),
    column('Endpoints', ({ endpoints }) => {
      const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []);
      return addresses.length === 0 ? '<unset>' : moreText(addresses, 3);
    }),
    ageColumn,
  ],
};
