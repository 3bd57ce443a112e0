/** What FlowSchemas and PriorityLevelConfigurations say, at work: a queue for each level, and for each request the schema it belongs to. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import {
  mandatoryLevels,
  mandatorySchemas,
  suggestedLevels,
  suggestedSchemas,
} from '../../kubernetes/flowcontrol/bootstrap.ts';
import { inOrder } from '../../kubernetes/flowcontrol/flow-schema.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../kubernetes/flowcontrol/types.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { RequestInfo } from '../request-info.ts';
import { type Classify, createClassifier } from './classifier.ts';
import { FairQueue, type Pace, type QueueLimits } from './fair-queue.ts';
import { type FlowCounts, noCounts } from './flow-counts.ts';
import { freeSeats, type Pool, type Seats, shareOut } from './levels.ts';

export interface Configuration {
  levels: readonly DeepReadonly<PriorityLevelConfiguration>[];
  schemas: readonly DeepReadonly<FlowSchema>[];
}

export interface Level {
  readonly name: string;
  uid: string;
  exempt: boolean;
  seats: Seats;
  readonly queue: FairQueue;
}

/** A FlowSchema with its level, and what became of its requests. */
export interface Schema {
  readonly object: DeepReadonly<FlowSchema>;
  readonly name: string;
  readonly uid: string;
  readonly level: Level;
  readonly distinguisher: 'ByUser' | 'ByNamespace' | undefined;
  readonly counts: FlowCounts;
}

export interface ConfiguredLevels {
  configure(configuration: Configuration): void;
  schemaOf(info: RequestInfo, user: UserInfo): Schema;
  levels(): Iterable<Level>;
  schemas(): Iterable<Schema>;
}

/** What holds where nobody keeps such objects. */
export const builtinConfiguration: Configuration = {
  levels: [...mandatoryLevels, ...suggestedLevels],
  schemas: [...mandatorySchemas, ...suggestedSchemas],
};

/** `total`: requests of limited levels that are worked on at a time. */
export function createConfiguredLevels(total: number, waitMs: number, pace: Pace, clock: Clock): ConfiguredLevels {
  const levels = new Map<string, Level>();
  /** By schema and level: counts outlive changes of the schema. */
  const counts = new Map<string, FlowCounts>();
  const pool: Pool = { total, running: 0, levels: [] };
  const exempted = { running: 0 };
  let schemas: readonly Schema[] = [];
  let classify: Classify<Schema> = () => undefined;
  let catchAll: Schema | undefined;

  function levelOf(object: DeepReadonly<PriorityLevelConfiguration>, seats: Seats): Level {
    const name = object.metadata.name ?? '';
    const exempt = object.spec.type === 'Exempt';
    const limits = limitsOf(object, exempt ? Number.POSITIVE_INFINITY : waitMs);
    const uid = object.metadata.uid ?? '';
    const known = levels.get(name);
    if (known !== undefined && known.exempt === exempt) {
      known.queue.limits = limits;
      return Object.assign(known, { uid, seats });
    }
    const free = exempt
      ? () => Number.POSITIVE_INFINITY
      : (): number => freeSeats(made.seats, made.queue.running, pool);
    const made: Level = {
      name,
      uid,
      exempt,
      seats,
      queue: new FairQueue(limits, free, exempt ? exempted : pool, pace, clock),
    };
    return made;
  }

  return {
    configure(configuration) {
      const wanted = withMandatory(configuration.levels, mandatoryLevels);
      const shares = shareOut(total, wanted);
      const now = wanted.map((object) => levelOf(object, shares.get(object.metadata.name ?? '') as Seats));
      // A level that is gone finishes what it has.
      for (const [name, level] of levels) if (!now.includes(level) && isIdle(level)) levels.delete(name);
      for (const level of now) levels.set(level.name, level);
      pool.levels = now.filter(({ exempt }) => !exempt);
      schemas = [...withMandatory(configuration.schemas, mandatorySchemas)]
        .sort(inOrder)
        .flatMap((object): Schema[] => {
          const name = object.metadata.name ?? '';
          const level = now.find((one) => one.name === object.spec.priorityLevelConfiguration.name);
          if (level === undefined) return [];
          const key = `${name}/${level.name}`;
          const own = counts.get(key) ?? noCounts();
          counts.set(key, own);
          const distinguisher = object.spec.distinguisherMethod?.type;
          return [{ object, name, uid: object.metadata.uid ?? '', level, distinguisher, counts: own }];
        });
      for (const key of [...counts.keys()])
        if (!schemas.some(({ name, level }) => `${name}/${level.name}` === key)) counts.delete(key);
      classify = createClassifier(schemas);
      catchAll = schemas.find(({ name }) => name === 'catch-all');
    },
    schemaOf: (info, user) => classify(info, user) ?? (catchAll as Schema),
    levels: () => levels.values(),
    schemas: () => schemas,
  };

  function isIdle({ queue }: Level): boolean {
    if (queue.running + queue.waiting > 0) return false;
    pace.remove(queue);
    return true;
  }
}

/** Nothing goes without them, stored or not. */
function withMandatory<T extends { readonly metadata: { readonly name?: string } }>(
  stored: readonly T[],
  mandatory: readonly T[],
): T[] {
  const names = new Set(stored.map(({ metadata }) => metadata.name));
  return [...stored, ...mandatory.filter(({ metadata }) => !names.has(metadata.name))];
}

/** A flow has a line of its own, as long as its hand of queues together; the lines of a level, as long as all its queues. */
function limitsOf({ spec }: DeepReadonly<PriorityLevelConfiguration>, waitMs: number): QueueLimits {
  if (spec.type === 'Exempt')
    return { waiting: Number.POSITIVE_INFINITY, waitingOfFlow: Number.POSITIVE_INFINITY, waitMs };
  const queuing = spec.limited?.limitResponse.queuing;
  if (queuing === undefined) return { waiting: 0, waitingOfFlow: 0, waitMs };
  const { queues, handSize, queueLengthLimit } = queuing;
  return { waiting: queues * queueLengthLimit, waitingOfFlow: handSize * queueLengthLimit, waitMs };
}
