/** NetworkPolicies: defaults, rules, columns. */
import { BlockList, isIP } from 'node:net';
import type * as v1 from 'kubernetes-types/networking/v1.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn, selectorText } from '../printing/formats.ts';
import type { NetworkPolicy } from '../types.ts';
import { checkLabelSelector, checkOneOf, checkPort, checkPortNumberOrName } from '../validation.ts';

const { column } = columnsOf<NetworkPolicy>();

export const networkPolicy: KindBehaviour = {
  default(object) {
    const { spec } = object as unknown as NetworkPolicy;
    if (spec === undefined) return;
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    }
    spec.policyTypes ??= (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate(object) {
    const { spec } = object as DeepReadonly<NetworkPolicy>;
    const errors = checkLabelSelector(spec?.podSelector, 'spec.podSelector');
    spec?.ingress?.forEach((rule, i) => {
      checkPorts(rule.ports ?? [], `spec.ingress[${i}].ports`, errors);
      rule.from?.forEach((peer, j) => {
        checkPeer(peer, `spec.ingress[${i}].from[${j}]`, errors);
      });
    });
    spec?.egress?.forEach((rule, i) => {
      checkPorts(rule.ports ?? [], `spec.egress[${i}].ports`, errors);
      rule.to?.forEach((peer, j) => {
        checkPeer(peer, `spec.egress[${i}].to[${j}]`, errors);
      });
    });
    const types = spec?.policyTypes ?? [];
    if (types.length > 2)
      errors.push(fieldError.invalid('spec.policyTypes', types, 'may not specify more than two policyTypes'));
    spec?.policyTypes?.forEach((type, i) => {
      errors.push(...checkOneOf(type, ['Egress', 'Ingress'], `spec.policyTypes[${i}]`));
    });
    return errors;
  },
  columns: [nameColumn, column('Pod-Selector', ({ spec }) => selectorText(spec?.podSelector)), ageColumn],
};

function checkPeer(peer: DeepReadonly<v1.NetworkPolicyPeer>, at: string, errors: FieldError[]): void {
  const selectors = peer.podSelector !== undefined || peer.namespaceSelector !== undefined;
  if (!selectors && peer.ipBlock === undefined) errors.push(fieldError.required(at, 'must specify a peer'));
  else if (selectors && peer.ipBlock !== undefined) {
    errors.push(fieldError.forbidden(at, 'may not specify both ipBlock and another peer'));
  }
  if (peer.ipBlock !== undefined) checkBlock(peer.ipBlock, `${at}.ipBlock`, errors);
  errors.push(...checkLabelSelector(peer.podSelector, `${at}.podSelector`));
  errors.push(...checkLabelSelector(peer.namespaceSelector, `${at}.namespaceSelector`));
}

function checkPorts(ports: readonly DeepReadonly<v1.NetworkPolicyPort>[], field: string, errors: FieldError[]): void {
  ports.forEach(({ protocol, port, endPort }, i) => {
    const at = `${field}[${i}]`;
    errors.push(...checkOneOf(protocol, ['SCTP', 'TCP', 'UDP'], `${at}.protocol`));
    if (port !== undefined) errors.push(...checkPortNumberOrName(port, `${at}.port`));
    if (endPort === undefined) return;
    if (port === undefined) {
      errors.push(fieldError.required(`${at}.port`, 'must be specified when `endPort` is specified'));
    } else if (typeof port === 'string') {
      errors.push(fieldError.invalid(`${at}.endPort`, endPort, 'may not be specified when `port` is non-numeric'));
    } else {
      if (endPort < port) {
        errors.push(fieldError.invalid(`${at}.endPort`, endPort, 'must be greater than or equal to `port`'));
      }
      errors.push(...checkPort(endPort, `${at}.endPort`));
    }
  });
}

function checkBlock({ cidr, except = [] }: DeepReadonly<v1.IPBlock>, at: string, errors: FieldError[]): void {
  if (!cidr) {
    errors.push(fieldError.required(`${at}.cidr`));
    return;
  }
  const block = parseBlock(cidr);
  if (block === undefined) {
    errors.push(fieldError.invalid(`${at}.cidr`, cidr, invalidBlock));
    return;
  }
  except.forEach((inner, i) => {
    const here = `${at}.except[${i}]`;
    const part = parseBlock(inner);
    if (part === undefined) errors.push(fieldError.invalid(here, inner, invalidBlock));
    else if (part.length <= block.length || !block.list.check(part.address, part.family)) {
      errors.push(fieldError.invalid(here, inner, 'must be a strict subset of `cidr`'));
    }
  });
}

const invalidBlock = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function parseBlock(cidr: string) {
  const [address = '', text = '', ...more] = cidr.split('/');
  const version = isIP(address);
  const length = Number(text);
  const fits = /^\d{1,3}$/.test(text) && length <= (version === 4 ? 32 : 128);
  if (version === 0 || more.length > 0 || !fits) return undefined;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, length, family);
  return { address, length, family, list } as const;
}
