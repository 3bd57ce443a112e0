/** The environment of a container: what its pod says and nothing of ours. */
import { ConfigError, expandVariables, isForbiddenVariable } from './command-line.ts';
import { fieldValue, type PodFacts, resourceFieldValue } from './pod-facts.ts';
import { type ReferenceReader, readEnvironmentSources } from './references.ts';
import type { ReadablePod } from './runtime.ts';

type Container = NonNullable<ReadablePod['spec']>['containers'][number];

/** envFrom first, then env in order, where each may refer to those before it. Throws MissingReference or ConfigError. */
export async function containerEnvironment(
  pod: ReadablePod,
  container: Container,
  facts: PodFacts,
  references: ReferenceReader,
): Promise<Map<string, string>> {
  const { from, referenced } = await readEnvironmentSources(pod.metadata.namespace ?? '', container, references);
  const variables = new Map(from);
  for (const variable of container.env ?? []) {
    const source = variable.valueFrom;
    if (source === undefined) variables.set(variable.name, expandVariables(variable.value ?? '', variables));
    else if (source.fieldRef !== undefined)
      variables.set(variable.name, fieldValue(pod, source.fieldRef.fieldPath, facts));
    else if (source.resourceFieldRef !== undefined)
      variables.set(variable.name, resourceFieldValue(pod, source.resourceFieldRef, facts, container.name));
    else {
      const value = referenced.get(variable);
      if (value !== undefined) variables.set(variable.name, value);
    }
  }
  return variables;
}

/** Throws ConfigError for a variable that a process of this host must not get from a pod. */
export function refuseForbiddenVariables(variables: ReadonlyMap<string, string>): void {
  for (const name of variables.keys())
    if (isForbiddenVariable(name))
      throw new ConfigError(`environment variable ${name} is not allowed in a process pod`);
}
