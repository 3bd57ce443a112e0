/** NetworkPolicies: defaults, rules, columns. */
import type * as v1 from 'kubernetes-types/networking/v1.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn, selectorText } from '../printing/formats.ts';
import type { NetworkPolicy } from '../types.ts';
import { checkLabelSelector, checkOneOf } from '../validation.ts';

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
      rule.from?.forEach((peer, j) => {
        checkPeer(peer, `spec.ingress[${i}].from[${j}]`, errors);
      });
    });
    spec?.egress?.forEach((rule, i) => {
      rule.to?.forEach((peer, j) => {
        checkPeer(peer, `spec.egress[${i}].to[${j}]`, errors);
      });
    });
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
  if (peer.ipBlock !== undefined && !peer.ipBlock.cidr) errors.push(fieldError.required(`${at}.ipBlock.cidr`));
  errors.push(...checkLabelSelector(peer.podSelector, `${at}.podSelector`));
  errors.push(...checkLabelSelector(peer.namespaceSelector, `${at}.namespaceSelector`));
}
