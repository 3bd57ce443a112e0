/** Checks the expressions of policies against the kinds that their rules name, and says in their status what does not fit. */
import { compile } from '../../../apimachinery/cel/compile.ts';
import { CompileError } from '../../../apimachinery/cel/node.ts';
import { type CelType, dyn } from '../../../apimachinery/cel/types.ts';
import { apiVersionOf, type ResourceType } from '../../../apimachinery/group-version.ts';
import { cloneJson, type DeepReadonly, deepEqual } from '../../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../../apimachinery/resource-definition.ts';
import { celTypeOf } from '../../../apimachinery/schema/cel/schema-values.ts';
import { isConflict, isNotFound } from '../../../apimachinery/status-error.ts';
import type { Client } from '../../../client/client.ts';
import { createController } from '../../../controller/controller.ts';
import { composedVariables, policyVariables } from '../../../kubernetes/admissionregistration/admission-policy.ts';
import type {
  AdmissionPolicy,
  MatchResources,
  PolicySpec,
} from '../../../kubernetes/admissionregistration/policy-types.ts';
import type { ResourceCatalog } from '../../registry/resource-catalog.ts';

/** Kinds that are looked at per policy. */
const maxKinds = 10;

export interface TypeChecking {
  stop(): Promise<void>;
}

/** `kind` is that of policies with a status. */
export function startTypeChecking(catalog: ResourceCatalog, client: Client, kind: ResourceType): TypeChecking {
  const reader = catalog.reader(kind);
  const resource = client.resource<AdmissionPolicy>(kind);
  const stopped = new AbortController();
  const controller = createController({
    name: 'validatingadmissionpolicy-status',
    maxDelay: 10_000,
    async reconcile(name) {
      const policy = (await reader.get({ name })) as DeepReadonly<AdmissionPolicy> | undefined;
      if (policy === undefined) return;
      const expressionWarnings = warningsOf(policy.spec, catalog);
      const status = {
        ...policy.status,
        observedGeneration: policy.metadata.generation ?? 0,
        typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings },
      };
      if (deepEqual(status, policy.status)) return;
      try {
        await resource.updateStatus(cloneJson<AdmissionPolicy>({ ...policy, status } as AdmissionPolicy));
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    },
  });
  const end = reader.subscribe({
    put: (object) => controller.enqueue(object.metadata.name ?? ''),
    deleted: () => undefined,
  });
  const running = controller.run(stopped.signal);
  return {
    async stop() {
      end();
      stopped.abort();
      await running;
    },
  };
}

interface Warning {
  fieldRef: string;
  warning: string;
}

function warningsOf(spec: DeepReadonly<PolicySpec>, catalog: ResourceCatalog): Warning[] {
  const kinds = kindsOf(spec.matchConstraints, catalog).map((definition) => {
    const { version, group, kind } = definition.type;
    const object = celTypeOf(definition.schema, true) ?? dyn;
    const base = { ...policyVariables(spec), object, oldObject: object };
    return { name: `${apiVersionOf({ group, version })}, Kind=${kind}`, variables: composedVariables(spec, base) };
  });
  const check = (fieldRef: string, expression: string | undefined): Warning[] => {
    if (!expression?.trim()) return [];
    const texts = kinds.flatMap(({ name, variables }) => {
      const problem = problemOf(expression, variables);
      return problem === undefined ? [] : [`${name}: ${problem}`];
    });
    return texts.length === 0 ? [] : [{ fieldRef, warning: texts.join('\n') }];
  };
  return [
    ...(spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
      ...check(`spec.validations[${i}].expression`, expression),
      ...check(`spec.validations[${i}].messageExpression`, messageExpression),
    ]),
    ...(spec.auditAnnotations ?? []).flatMap(({ valueExpression }, i) =>
      check(`spec.auditAnnotations[${i}].valueExpression`, valueExpression),
    ),
  ];
}

function problemOf(expression: string, variables: { readonly [name: string]: CelType }): string | undefined {
  try {
    compile(expression, variables);
    return undefined;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const line = expression.slice(0, error.offset).split('\n');
    return `ERROR: <input>:${line.length}:${(line.at(-1) ?? '').length + 1}: ${error.message}`;
  }
}

/** Kinds that a rule names without a wildcard. */
function kindsOf(match: DeepReadonly<MatchResources> | undefined, catalog: ResourceCatalog): ResourceDefinition[] {
  const found = new Map<string, ResourceDefinition>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of match?.resourceRules ?? [])
    for (const group of apiGroups)
      for (const version of apiVersions)
        for (const name of resources) {
          const definition = name.includes('/') ? undefined : catalog.lookup(group, version, name);
          if (definition !== undefined && found.size < maxKinds) found.set(`${group}/${version}/${name}`, definition);
        }
  return [...found.values()];
}
