/**
 * Resource models sort the nodes of a cluster into grades by what they have free: grade i holds nodes whose free amount of
 * every named resource lies in [min, max). Intervals of neighbouring grades touch; the first begins at 0, the last is open.
 */

import type { DeepReadonly } from '../apimachinery/object.ts';
import { compareQuantities, parseQuantity, quantityOfWhole } from '../apimachinery/quantity.ts';
import { type FieldError, fieldError } from '../apimachinery/status-error.ts';
import type { ResourceModel } from '../apis/cluster/v1alpha1/cluster.ts';

/** The largest int64 stands for "no upper bound". */
const unbounded = '9223372036854775807';

/** Upper bounds of upstream's nine default grades: cores, and memory. */
const defaultBounds: readonly (readonly [string, string])[] = [
  ['1', '4Gi'],
  ['2', '16Gi'],
  ['4', '32Gi'],
  ['8', '64Gi'],
  ['16', '128Gi'],
  ['32', '256Gi'],
  ['64', '512Gi'],
  ['128', '1Ti'],
  [unbounded, unbounded],
];

export function defaultResourceModels(): ResourceModel[] {
  return defaultBounds.map(([cpu, memory], grade) => {
    const [minCpu, minMemory] = defaultBounds[grade - 1] ?? ['0', '0'];
    return {
      grade,
      ranges: [
        { name: 'cpu', min: minCpu, max: cpu },
        { name: 'memory', min: minMemory, max: memory },
      ],
    };
  });
}

/** Sorted by grade, the first beginning at 0, the last without an end. */
export function standardizeResourceModels(models: readonly ResourceModel[]): ResourceModel[] {
  const sorted = [...models].sort((a, b) => a.grade - b.grade);
  return sorted.map((model, index) => ({
    grade: model.grade,
    ranges: model.ranges.map((range) => ({
      ...range,
      min: index === 0 ? '0' : range.min,
      max: index === sorted.length - 1 ? unbounded : range.max,
    })),
  }));
}

/** The first broken rule only, as upstream. */
export function validateResourceModels(models: DeepReadonly<ResourceModel[]>, field: string): FieldError[] {
  const wrong = firstProblem(models);
  return wrong === undefined ? [] : [fieldError.invalid(field, models, wrong)];
}

function firstProblem(models: DeepReadonly<ResourceModel[]>): string | undefined {
  const end = quantityOfWhole(BigInt(unbounded));
  for (const [index, model] of models.entries()) {
    const previous = models[index - 1];
    if (previous !== undefined && previous.grade === model.grade)
      return 'The grade of each models should not be the same';
    if (previous !== undefined && previous.ranges.length !== model.ranges.length) {
      return 'The number of resource types should be the same';
    }
    for (const [position, range] of model.ranges.entries()) {
      const min = parseQuantity(range.min);
      const max = parseQuantity(range.max);
      const before = previous?.ranges[position];
      if (compareQuantities(max, min) <= 0) return 'The max value of each resource must be greater than the min value';
      if (previous === undefined) {
        if (min.nano !== 0n) return 'The min value of each resource in the first model should be 0';
      } else if (before?.name !== range.name) {
        return 'The resource types of each models should be the same';
      } else if (compareQuantities(parseQuantity(before.max), min) !== 0) {
        return 'Model intervals for resources must be contiguous and non-overlapping';
      }
      if (index === models.length - 1 && compareQuantities(max, end) !== 0) {
        return 'The max value of each resource in the last model should be MaxInt64';
      }
    }
  }
  return undefined;
}

/** Grade of a node by what it has free; undefined when some resource of the models lies below every grade. */
export function gradeOf(models: DeepReadonly<ResourceModel[]>, free: (resource: string) => bigint): number | undefined {
  let grade: number | undefined;
  for (const name of new Set(models.flatMap((model) => model.ranges.map((range) => range.name)))) {
    const amount = free(name);
    const fitting = models.findLast((model) =>
      model.ranges.some((range) => range.name === name && parseQuantity(range.min).nano <= amount),
    );
    if (fitting === undefined) return undefined;
    grade = grade === undefined ? fitting.grade : Math.min(grade, fitting.grade);
  }
  return grade;
}
