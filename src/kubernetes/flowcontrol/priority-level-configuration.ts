/** PriorityLevelConfigurations: defaults, rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import { defineKind } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import { flowControlVersion, mandatoryLevels } from './bootstrap.ts';
import type { LimitedLevel, PriorityLevelConfiguration, PriorityLevelSpec, Queuing } from './types.ts';

const { column } = columnsOf<PriorityLevelConfiguration>();
type Read<T> = DeepReadonly<T>;

const queuingOf = ({ spec }: Read<PriorityLevelConfiguration>) => spec.limited?.limitResponse?.queuing;

export const priorityLevelConfigurations = defineKind(
  flowControlVersion,
  'prioritylevelconfigurations',
  'PriorityLevelConfiguration',
  {
    scope: 'Cluster',
    status: true,
    generation: 'spec',
    unconditionalUpdate: false,
    statusKeepsMetadata: ['labels', 'annotations', 'finalizers', 'ownerReferences'],
  },
  {
    default(object) {
      const { spec } = object as PriorityLevelConfiguration;
      const { limited, exempt } = spec ?? {};
      if (exempt !== undefined) {
        exempt.nominalConcurrencyShares ??= 0;
        exempt.lendablePercent ??= 0;
      }
      if (limited === undefined) return;
      limited.nominalConcurrencyShares ??= 30;
      limited.lendablePercent ??= 0;
      const queuing = limited.limitResponse?.queuing;
      if (queuing === undefined) return;
      queuing.queues ||= 64;
      queuing.handSize ||= 8;
      queuing.queueLengthLimit ||= 50;
    },
    validate: (object) => check(object as Read<PriorityLevelConfiguration>),
    columns: [
      nameColumn,
      column('Type', ({ spec }) => spec.type),
      column('NominalConcurrencyShares', ({ spec }) => spec.limited?.nominalConcurrencyShares ?? '<none>'),
      column('Queues', (object) => queuingOf(object)?.queues ?? '<none>'),
      column('HandSize', (object) => queuingOf(object)?.handSize ?? '<none>'),
      column('QueueLengthLimit', (object) => queuingOf(object)?.queueLengthLimit ?? '<none>'),
      ageColumn,
    ],
  },
);

function check({ metadata, spec }: Read<PriorityLevelConfiguration>): FieldError[] {
  const errors: FieldError[] = [];
  if ((metadata.name === 'exempt') !== (spec.type === 'Exempt'))
    errors.push(
      fieldError.invalid('spec.type', spec.type ?? '', "type must be 'Exempt' if and only if name is 'exempt'"),
    );
  errors.push(...checkType(spec));
  const fixed = mandatoryLevels.find((one) => one.metadata.name === metadata.name);
  // How much of it may be lent is the operator's, also of the exempt level.
  const comparable = metadata.name === 'exempt' ? { ...spec, exempt: fixed?.spec.exempt } : spec;
  if (fixed !== undefined && !deepEqual(fixed.spec, comparable))
    errors.push(fieldError.invalid('spec', spec, `spec of '${metadata.name}' must equal the fixed value`));
  return errors;
}

function checkType({ type, limited, exempt }: Read<PriorityLevelSpec>): FieldError[] {
  const errors: FieldError[] = [];
  if (type === 'Exempt') {
    if (limited !== undefined)
      errors.push(fieldError.forbidden('spec.limited', 'must be nil if the type is not Limited'));
    return exempt === undefined ? errors : [...errors, ...checkShares(exempt, 'spec.exempt')];
  }
  if (type !== 'Limited') return [fieldError.notSupported('spec.type', type ?? '', ['Exempt', 'Limited'])];
  if (exempt !== undefined) errors.push(fieldError.forbidden('spec.exempt', 'must be nil if the type is Limited'));
  if (limited === undefined) errors.push(fieldError.required('spec.limited', 'must not be empty when type is Limited'));
  else errors.push(...checkLimited(limited));
  return errors;
}

function checkShares(
  { nominalConcurrencyShares = 0, lendablePercent = 0 }: Read<NonNullable<PriorityLevelSpec['exempt']>>,
  at: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (nominalConcurrencyShares < 0)
    errors.push(
      fieldError.invalid(`${at}.nominalConcurrencyShares`, nominalConcurrencyShares, 'must be a non-negative integer'),
    );
  if (lendablePercent < 0 || lendablePercent > 100)
    errors.push(fieldError.invalid(`${at}.lendablePercent`, lendablePercent, 'must be between 0 and 100, inclusive'));
  return errors;
}

function checkLimited(limited: Read<LimitedLevel>): FieldError[] {
  const errors = checkShares(limited, 'spec.limited');
  const { borrowingLimitPercent, limitResponse } = limited;
  if (borrowingLimitPercent !== undefined && borrowingLimitPercent < 0)
    errors.push(
      fieldError.invalid(
        'spec.limited.borrowingLimitPercent',
        borrowingLimitPercent,
        'if specified, must be a non-negative integer',
      ),
    );
  const { type, queuing } = limitResponse ?? {};
  const at = 'spec.limited.limitResponse';
  if (type === 'Reject') {
    if (queuing !== undefined)
      errors.push(fieldError.forbidden(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (type !== 'Queue') errors.push(fieldError.notSupported(`${at}.type`, type ?? '', ['Queue', 'Reject']));
  else if (queuing === undefined)
    errors.push(fieldError.required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'));
  else errors.push(...checkQueuing(queuing, `${at}.queuing`));
  return errors;
}

const maxQueues = 10_000_000;
const maxHashBits = 60;

function checkQueuing({ queues, handSize, queueLengthLimit }: Read<Queuing>, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const positive = 'must be positive';
  if (queueLengthLimit <= 0) errors.push(fieldError.invalid(`${at}.queueLengthLimit`, queueLengthLimit, positive));
  if (queues <= 0) errors.push(fieldError.invalid(`${at}.queues`, queues, positive));
  else if (queues > maxQueues)
    errors.push(fieldError.invalid(`${at}.queues`, queues, `must not be greater than ${maxQueues}`));
  const hand = `${at}.handSize`;
  if (handSize <= 0) errors.push(fieldError.invalid(hand, handSize, positive));
  else if (handSize > queues)
    errors.push(fieldError.invalid(hand, handSize, `should not be greater than queues (${queues})`));
  else if (entropyBits(queues, handSize) > maxHashBits)
    errors.push(
      fieldError.invalid(
        hand,
        handSize,
        `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${maxHashBits}`,
      ),
    );
  return errors;
}

/** To deal a hand. */
const entropyBits = (queues: number, handSize: number): number => Math.ceil(Math.log2(queues) * handSize);
