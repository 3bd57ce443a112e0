/**
 * Follows FlowSchemas and PriorityLevelConfigurations: what they say is at work at once, and each FlowSchema tells whether its level is there.
 * Those that every server has are made at start; whoever sets `apf.kubernetes.io/autoupdate-spec` of a suggested one to false may change it.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { hasCondition, setCondition } from '../../apimachinery/conditions.ts';
import { cloneJson, type DeepReadonly } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { Client } from '../../client/client.ts';
import { createController } from '../../controller/controller.ts';
import {
  mandatoryLevels,
  mandatorySchemas,
  suggestedLevels,
  suggestedSchemas,
} from '../../kubernetes/flowcontrol/bootstrap.ts';
import { flowSchemas } from '../../kubernetes/flowcontrol/flow-schema.ts';
import { priorityLevelConfigurations } from '../../kubernetes/flowcontrol/priority-level-configuration.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../kubernetes/flowcontrol/types.ts';
import { type BootstrapContext, ensureObject } from '../bootstrap/ensure.ts';
import type { ResourceCatalog, ResourceReader } from '../registry/resource-catalog.ts';
import type { Configuration } from './configured-levels.ts';

export interface FlowObjects {
  start(client: Client): Promise<void>;
  stop(): Promise<void>;
}

const annotation = 'apf.kubernetes.io/autoupdate-spec';
/** How often what nobody may do without is looked after. */
const upkeepInterval = 60_000;

export function createFlowObjects(
  catalog: ResourceCatalog,
  clock: Clock,
  configure: ((configuration: Configuration) => void) | undefined,
): FlowObjects {
  const stopped = new AbortController();
  const unsubscribe: (() => void)[] = [];
  let running: Promise<unknown> = Promise.resolve();
  return {
    async start(client) {
      const context = { catalog, client };
      await ensureAll(context, [...mandatoryLevels, ...suggestedLevels], [...mandatorySchemas, ...suggestedSchemas]);
      const levels = catalog.reader(priorityLevelConfigurations.type);
      const schemas = catalog.reader(flowSchemas.type);
      const controller = createController({
        name: 'flowschema-dangling',
        reconcile: (name) => tellDangling(client, schemas, levels, name, clock),
        maxDelay: 10_000,
        workers: 8,
      });
      const known = { levels: new Map<string, Level>(), schemas: new Map<string, Schema>() };
      let due = false;
      /** Once for all changes of a turn. */
      const changed = (): void => {
        if (due) return;
        due = true;
        queueMicrotask(() => {
          due = false;
          configure?.({ levels: [...known.levels.values()], schemas: [...known.schemas.values()] });
        });
      };
      const follow = <T extends Level | Schema>(
        reader: ResourceReader,
        into: Map<string, T>,
        told: (name: string) => void,
      ) =>
        unsubscribe.push(
          reader.subscribe({
            put(found) {
              const name = found.metadata.name ?? '';
              const before = into.get(name);
              into.set(name, found as T);
              if (
                before?.metadata.generation !== found.metadata.generation ||
                before?.metadata.uid !== found.metadata.uid
              )
                changed();
              told(name);
            },
            deleted({ metadata }) {
              into.delete(metadata.name ?? '');
              changed();
              told(metadata.name ?? '');
            },
          }),
        );
      follow(levels, known.levels, (level) => {
        for (const [name, { spec }] of known.schemas)
          if (spec.priorityLevelConfiguration.name === level) controller.enqueue(name);
      });
      follow(schemas, known.schemas, (name) => controller.enqueue(name));
      running = Promise.all([controller.run(stopped.signal), upkeep(context, clock, stopped.signal)]);
    },
    async stop() {
      for (const end of unsubscribe) end();
      stopped.abort();
      await running;
    },
  };
}

type Level = DeepReadonly<PriorityLevelConfiguration>;
type Schema = DeepReadonly<FlowSchema>;

async function upkeep(context: BootstrapContext, clock: Clock, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await clock.sleep(upkeepInterval, signal);
    } catch {
      return;
    }
    await ensureAll(context, mandatoryLevels, mandatorySchemas).catch((error: unknown) => {
      process.stderr.write(`apiserver: mandatory objects of flow control cannot be kept: ${String(error)}\n`);
    });
  }
}

async function ensureAll(
  context: BootstrapContext,
  levels: readonly PriorityLevelConfiguration[],
  schemas: readonly FlowSchema[],
): Promise<void> {
  await Promise.all(levels.map((level) => ensure(context, priorityLevelConfigurations, level)));
  await Promise.all(schemas.map((schema) => ensure(context, flowSchemas, schema)));
}

function ensure<T extends FlowSchema | PriorityLevelConfiguration>(
  context: BootstrapContext,
  { type }: ResourceDefinition,
  wanted: T,
): Promise<void> {
  const object = { ...wanted, metadata: { ...wanted.metadata, annotations: { [annotation]: 'true' } } };
  return ensureObject<T>(context, type, object, (stored) => {
    if (stored.metadata.annotations?.[annotation] === 'true' || isMandatory(wanted))
      stored.spec = cloneJson(wanted.spec);
  });
}

const isMandatory = ({ metadata, kind }: FlowSchema | PriorityLevelConfiguration): boolean =>
  kind === 'FlowSchema' && mandatorySchemas.some((one) => one.metadata.name === metadata.name);

async function tellDangling(
  client: Client,
  schemas: ResourceReader,
  levels: ResourceReader,
  name: string,
  clock: Clock,
): Promise<void> {
  const stored = schemas.cached({ name }) as Schema | undefined;
  if (stored === undefined) return;
  const level = stored.spec.priorityLevelConfiguration.name;
  const found = levels.cached({ name: level }) !== undefined;
  const subject = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  const condition = {
    type: 'Dangling',
    status: found ? 'False' : 'True',
    reason: found ? 'Found' : 'NotFound',
    message: `${subject} ${found ? 'and it exists' : 'but there is no such object'}`,
  } as const;
  if (hasCondition(stored.status?.conditions, condition)) return;
  const next = cloneJson<FlowSchema>(stored as FlowSchema);
  next.status = { ...next.status, conditions: setCondition(next.status?.conditions, condition, clock.now()) };
  await client.resource<FlowSchema>(flowSchemas.type).updateStatus(next);
}
