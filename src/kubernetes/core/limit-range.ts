/** LimitRanges: defaults, rules. Printed with the generic table. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import { qualifiedNameErrors } from '../../apimachinery/names.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { createdAtColumn, nameColumn } from '../printing/formats.ts';
import { canonicalQuantity, compareQuantityTexts } from '../quantity-text.ts';
import type { LimitRange } from '../types.ts';

export const limitRange: KindBehaviour = {
  default(object) {
    for (const item of (object as unknown as LimitRange).spec?.limits ?? []) {
      if (item.type !== 'Container') continue;
      const defaults = { ...item.max, ...item.default };
      if (Object.keys(defaults).length > 0) item.default = defaults;
      const requests = { ...item.min, ...defaults, ...item.defaultRequest };
      if (Object.keys(requests).length > 0) item.defaultRequest = requests;
    }
  },
  validate(object) {
    const errors: FieldError[] = [];
    const seen = new Set<string>();
    (object as DeepReadonly<LimitRange>).spec?.limits?.forEach((item, i) => {
      const field = `spec.limits[${i}]`;
      errors.push(...checkType(item.type, `${field}.type`));
      if (seen.has(item.type)) errors.push(fieldError.duplicate(`${field}.type`, item.type));
      seen.add(item.type);
      errors.push(...checkItem(item, field));
    });
    return errors;
  },
  columns: [nameColumn, createdAtColumn],
};

type Item = DeepReadonly<core.LimitRangeItem>;
type List = { readonly [name: string]: string } | undefined;

const types = ['Container', 'PersistentVolumeClaim', 'Pod'];

function checkType(type: string | undefined, field: string): FieldError[] {
  const errors = qualifiedNameErrors(type ?? '').map((text) => fieldError.invalid(field, type ?? '', text));
  if (errors.length === 0 && !type?.includes('/') && !types.includes(type ?? '')) {
    errors.push(fieldError.invalid(field, type, 'must be a standard limit type or fully qualified'));
  }
  return errors;
}

const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

function checkItem(item: Item, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set(lists.flatMap((key) => Object.keys(item[key] ?? {})));
  for (const key of lists) {
    for (const name of Object.keys(item[key] ?? {})) {
      errors.push(...checkResourceName(name, item.type, `${field}.${key}[${name}]`));
    }
  }
  if (item.type === 'Pod') {
    for (const key of ['default', 'defaultRequest'] as const) {
      if (Object.keys(item[key] ?? {}).length > 0) {
        errors.push(fieldError.forbidden(`${field}.${key}`, "may not be specified when `type` is 'Pod'"));
      }
    }
  }
  if (item.type === 'PersistentVolumeClaim' && quantity(item.min, 'storage') === undefined) {
    if (quantity(item.max, 'storage') === undefined) {
      errors.push(
        fieldError.required(
          `${field}.limits`,
          'either minimum or maximum storage value is required, but neither was provided',
        ),
      );
    }
  }
  for (const name of names) errors.push(...checkOrder(item, name, field));
  return errors;
}

const containerNames = new Set(['cpu', 'memory', 'ephemeral-storage']);

function checkResourceName(name: string, type: string, field: string): FieldError[] {
  const errors = qualifiedNameErrors(name).map((text) => fieldError.invalid(field, name, text));
  if (errors.length > 0 || name.includes('/')) return errors;
  const standard = containerNames.has(name) || name.startsWith('hugepages-') || name === 'storage';
  if (type === 'Pod' || type === 'Container') {
    if (!standard || name === 'storage') {
      errors.push(fieldError.invalid(field, name, 'must be a standard resource for containers'));
    }
  } else if (!standard)
    errors.push(fieldError.invalid(field, name, 'must be a standard resource type or fully qualified'));
  return errors;
}

/** min ≤ default request ≤ default ≤ max, and a ratio that these allow. */
function checkOrder(item: Item, name: string, field: string): FieldError[] {
  const min = quantity(item.min, name);
  const max = quantity(item.max, name);
  const limit = quantity(item.default, name);
  const request = quantity(item.defaultRequest, name);
  const ratio = quantity(item.maxLimitRequestRatio, name);
  const errors: FieldError[] = [];
  const inOrder = (
    [low, lowText]: readonly [string | undefined, string],
    [high, highText]: readonly [string | undefined, string],
    at: string,
    value: string | undefined,
  ): void => {
    if (low === undefined || high === undefined || compareQuantityTexts(low, high) <= 0) return;
    errors.push(
      fieldError.invalid(
        `${field}.${at}[${name}]`,
        value,
        `${lowText} value ${low} is greater than ${highText} value ${high}`,
      ),
    );
  };
  inOrder([min, 'min'], [max, 'max'], 'min', min);
  inOrder([min, 'min'], [request, 'default request'], 'defaultRequest', request);
  inOrder([request, 'default request'], [max, 'max'], 'defaultRequest', request);
  inOrder([request, 'default request'], [limit, 'default limit'], 'defaultRequest', request);
  inOrder([min, 'min'], [limit, 'default'], 'default', min);
  inOrder([limit, 'default'], [max, 'max'], 'default', max);
  if (ratio !== undefined && compareQuantityTexts(ratio, '1') < 0) {
    errors.push(fieldError.invalid(`${field}.maxLimitRequestRatio[${name}]`, ratio, `ratio ${ratio} is less than 1`));
  }
  return errors;
}

function quantity(list: List, name: string): string | undefined {
  const text = list?.[name];
  return text === undefined ? undefined : canonicalQuantity(text);
}
