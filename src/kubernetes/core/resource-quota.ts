/** ResourceQuotas: rules, columns. How they are charged is in ../quota/. */
import { qualifiedNameErrors } from '../../apimachinery/names.ts';
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { milliValue, tryParseQuantity } from '../../apimachinery/quantity.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { compareQuantityTexts } from '../quantity-text.ts';
import type { ResourceQuota } from '../types.ts';
import { immutable } from '../validation.ts';

const { column } = columnsOf<ResourceQuota>();
type Typed = DeepReadonly<ResourceQuota>;
type List = { readonly [name: string]: string } | undefined;

export const resourceQuota: KindBehaviour = {
  validate(object) {
    const { spec } = object as Typed;
    return [...checkAmounts(spec?.hard, 'spec.hard'), ...checkScopes(spec), ...checkScopeSelector(spec)];
  },
  validateUpdate(object, old) {
    const scopes = (object as Typed).spec?.scopes ?? [];
    const before = (old as Typed).spec?.scopes ?? [];
    return deepEqual([...scopes].sort(), [...before].sort())
      ? []
      : [fieldError.invalid('spec.scopes', scopes, immutable)];
  },
  validateStatus(object) {
    const { status } = object as Typed;
    return [...checkAmounts(status?.hard, 'status.hard'), ...checkAmounts(status?.used, 'status.used')];
  },
  columns: [
    nameColumn,
    column('Request', (quota) => usage(quota, false)),
    column('Limit', (quota) => usage(quota, true)),
    ageColumn,
  ],
};

function usage({ status }: Typed, limits: boolean): string {
  const hard: { readonly [name: string]: string } = status?.hard ?? {};
  const used: { readonly [name: string]: string } = status?.used ?? {};
  return Object.keys(hard)
    .filter((name) => name.startsWith('limits.') === limits)
    .sort()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
    .join(', ');
}

const computeNames = ['cpu', 'memory', 'ephemeral-storage'];
const podNames = ['pods', ...['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`])];
const countedNames = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const standardNames: ReadonlySet<string> = new Set([
  ...computeNames.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
  'requests.storage',
  ...countedNames,
]);

function checkAmounts(list: List, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(list ?? {})) {
    const at = `${field}[${name}]`;
    errors.push(...qualifiedNameErrors(name).map((text) => fieldError.invalid(at, name, text)));
    const hugePages = /^(?:requests\.)?hugepages-/.test(name);
    if (!name.includes('/') && !hugePages && !standardNames.has(name)) {
      errors.push(fieldError.invalid(at, name, 'must be a standard resource for quota'));
    }
    if (compareQuantityTexts(value, '0') < 0) {
      errors.push(fieldError.invalid(at, value, 'must be greater than or equal to 0'));
    }
    const amount = tryParseQuantity(value);
    if (countedNames.includes(name) && amount !== undefined && milliValue(amount) % 1000n !== 0n) {
      errors.push(fieldError.invalid(at, value, 'must be an integer'));
    }
  }
  return errors;
}

const knownScopes = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];
const opposites = [
  ['BestEffort', 'NotBestEffort'],
  ['NotTerminating', 'Terminating'],
] as const;

function checkScopes(spec: Typed['spec']): FieldError[] {
  const scopes = spec?.scopes ?? [];
  if (scopes.length === 0) return [];
  return checkScopeSet(scopes, spec?.hard, 'spec.scopes', scopes);
}

function checkScopeSelector(spec: Typed['spec']): FieldError[] {
  const expressions = spec?.scopeSelector?.matchExpressions ?? [];
  if (spec?.scopeSelector === undefined) return [];
  const field = 'spec.scopeSelector.matchExpressions';
  const errors: FieldError[] = [];
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!['PriorityClass', 'VolumeAttributesClass'].includes(scopeName) && operator !== 'Exists') {
      errors.push(
        fieldError.invalid(
          `${field}.operator`,
          operator,
          "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
        ),
      );
    }
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) {
        errors.push(
          fieldError.required(
            `${field}.values`,
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          ),
        );
      }
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) {
        errors.push(
          fieldError.invalid(
            `${field}.values`,
            values,
            "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector",
          ),
        );
      }
    } else errors.push(fieldError.invalid(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  const names = expressions.map(({ scopeName }) => scopeName);
  return [...errors, ...checkScopeSet(names, spec.hard, `${field}.scopeName`, names)];
}

function checkScopeSet(scopes: readonly string[], hard: List, field: string, value: unknown): FieldError[] {
  const errors: FieldError[] = [];
  for (const scope of scopes) {
    if (!knownScopes.includes(scope)) {
      errors.push(fieldError.invalid(field, value, 'unsupported scope'));
      continue;
    }
    if (Object.keys(hard ?? {}).some((name) => standardNames.has(name) && !appliesTo(scope, name))) {
      errors.push(fieldError.invalid(field, value, 'unsupported scope applied to resource'));
    }
  }
  for (const pair of opposites) {
    if (pair.every((scope) => scopes.includes(scope))) {
      errors.push(fieldError.invalid(field, value, 'conflicting scopes'));
    }
  }
  return errors;
}

function appliesTo(scope: string, name: string): boolean {
  if (scope === 'BestEffort') return name === 'pods';
  if (scope === 'VolumeAttributesClass') return name === 'persistentvolumeclaims' || name === 'requests.storage';
  return podNames.includes(name);
}
