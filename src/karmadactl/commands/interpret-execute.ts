/** Runs one operation of customizations on objects out of files. */
import type { Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem } from '../../interpreter/interpreter.ts';
import { createInterpreter, type InterpreterOperation, interpreterOperations } from '../../interpreter/interpreter.ts';
import { createDeclarativeLayer } from '../../interpreter/lua/customization.ts';
import { createLuaPool } from '../../interpreter/lua/pool.ts';
import type { CommandIo } from '../command.ts';
import { parseDocuments, parseManifests, readTexts } from '../manifests.ts';
import { formatObject } from '../printing/objects.ts';
import { notACustomization, type SourcedCustomization } from './sourced-customization.ts';

interface ExecuteValues {
  readonly operation: string;
  readonly 'desired-file': string;
  readonly 'observed-file': string;
  readonly 'status-file': string;
  readonly 'desired-replica': number;
  readonly output: 'json' | 'yaml';
}

type Result = readonly [name: string, value: unknown];

/** What fails in the rule is told on stderr and is no error of the command, as upstream has it. */
export async function executeOperation(
  customizations: readonly SourcedCustomization[],
  values: ExecuteValues,
  io: CommandIo,
): Promise<void> {
  if (values.operation === '') throw new Error('operation is not set for executing');
  const operation = interpreterOperations.find((known) => known.toLowerCase() === values.operation.toLowerCase());
  if (operation === undefined)
    throw new Error(`operation ${values.operation} is not supported. Use one of: ${interpreterOperations.join(', ')}`);
  const pool = createLuaPool();
  try {
    const layer = createDeclarativeLayer({ pool });
    for (const customization of customizations) {
      const problem = notACustomization(customization);
      if (problem !== undefined) throw new Error(problem);
      layer.set(customization.object);
    }
    const inputs = await readInputs(values, io);
    let results: readonly Result[];
    try {
      results = await execute(operation, createInterpreter([layer]), inputs);
    } catch (error) {
      // The wrapping names the customization; here there is no doubt which one runs.
      const { cause, message } = error as Error;
      io.stderr(`Execute ${operation} error: ${cause instanceof Error ? cause.message : message}\n`);
      return;
    }
    for (const [at, [name, value]] of results.entries()) {
      io.stdout(`---\n# [${at + 1}/${results.length}] ${name}:\n`);
      io.stdout(await formatObject(value ?? null, values.output));
    }
  } finally {
    await pool.close();
  }
}

interface Inputs {
  desired: Unstructured | undefined;
  observed: Unstructured | undefined;
  items: AggregatedItem[];
  replicas: number;
}

async function readInputs(values: ExecuteValues, io: CommandIo): Promise<Inputs> {
  const single = async (file: string): Promise<Unstructured | undefined> => {
    if (file === '') return undefined;
    const objects = (await readTexts([file], false, io)).flatMap(parseManifests);
    if (objects.length !== 1) throw new Error(`get ${objects.length} objects from ${file}, expect one`);
    return objects[0];
  };
  const status = values['status-file'];
  const texts = status === '' ? [] : await readTexts([status], false, io);
  return {
    desired: await single(values['desired-file']),
    observed: await single(values['observed-file']),
    items: texts.flatMap(parseDocuments).flat() as AggregatedItem[],
    replicas: values['desired-replica'],
  };
}

async function execute(
  operation: InterpreterOperation,
  interpreter: ReturnType<typeof createInterpreter>,
  inputs: Inputs,
): Promise<Result[]> {
  const rule = <O extends InterpreterOperation>(name: O, object: Unstructured) => {
    const found = interpreter.find(object, name);
    if (found === undefined) throw new Error('rule is not enabled');
    return found;
  };
  if (operation === 'Retain') {
    const { desired, observed } = inputs;
    if (desired === undefined) throw new Error('desired, desired-file options are not set');
    if (observed === undefined) throw new Error('observed, observed-file options are not set');
    return [['retained', await rule(operation, desired)(desired, observed)]];
  }
  const object = onlyObject(inputs);
  switch (operation) {
    case 'InterpretReplica': {
      const { replicas, requirements } = await rule(operation, object)(object);
      return [
        ['replica', replicas],
        ['requires', requirements],
      ];
    }
    case 'InterpretComponent':
      return [['components', await rule(operation, object)(object)]];
    case 'ReviseReplica':
      return [['revised', await rule(operation, object)(object, inputs.replicas)]];
    case 'InterpretStatus':
      return [['status', await rule(operation, object)(object)]];
    case 'AggregateStatus':
      return [['aggregatedStatus', await rule(operation, object)(object, inputs.items)]];
    case 'InterpretHealth':
      return [['healthy', await rule(operation, object)(object)]];
    case 'InterpretDependency':
      return [['dependencies', await rule(operation, object)(object)]];
  }
}

function onlyObject({ desired, observed }: Inputs): Unstructured {
  if (desired !== undefined && observed !== undefined)
    throw new Error('you can not specify both desired-file and observed-file options');
  const object = desired ?? observed;
  if (object === undefined) throw new Error('desired-file, observed-file options are not set');
  return object;
}
