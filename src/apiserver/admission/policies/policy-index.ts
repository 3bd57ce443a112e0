/** The admission policies of one kind with their bindings, compiled, found by the resource of a request. */
import { compileErrorText, type Program } from '../../../apimachinery/cel/compile.ts';
import { CompileError } from '../../../apimachinery/cel/node.ts';
import type { CelType } from '../../../apimachinery/cel/types.ts';
import type { DeepReadonly, Unstructured } from '../../../apimachinery/object.ts';
import {
  compilePolicyExpression,
  composedVariables,
} from '../../../kubernetes/admissionregistration/admission-policy.ts';
import type {
  AdmissionPolicy,
  PolicyBinding,
  PolicySpec,
} from '../../../kubernetes/admissionregistration/policy-types.ts';
import type { ResourceReader } from '../../registry/resource-catalog.ts';

/** An expression; without a program where it does not compile here: another server may have stored it. */
export interface Expression {
  text: string;
  program: Program | undefined;
  /** Why there is none. */
  error: string;
}

export interface CompiledPolicy {
  name: string;
  spec: DeepReadonly<PolicySpec>;
  conditions: readonly { name: string; expression: Expression }[];
  variables: readonly { name: string; expression: Expression }[];
  /** By the field of the policy: `spec.validations[0].expression`. */
  compile(text: string): Expression;
}

export interface BoundPolicy {
  policy: CompiledPolicy;
  bindings: readonly { name: string; spec: DeepReadonly<PolicyBinding['spec']> }[];
}

export class PolicyIndex {
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #bindings = new Map<string, DeepReadonly<PolicyBinding>>();
  readonly #byResource = new Map<string, readonly BoundPolicy[]>();
  #bound: readonly BoundPolicy[] = [];

  follow(policies: ResourceReader, bindings: ResourceReader): () => void {
    const ends = [
      policies.subscribe({
        put: (object) => {
          const policy = compiled(object as unknown as DeepReadonly<AdmissionPolicy>);
          this.#policies.set(policy.name, policy);
          this.#rebuild();
        },
        deleted: ({ metadata }) => {
          this.#policies.delete(metadata.name ?? '');
          this.#rebuild();
        },
      }),
      bindings.subscribe({
        put: (object: DeepReadonly<Unstructured>) => {
          this.#bindings.set(object.metadata.name ?? '', object as unknown as DeepReadonly<PolicyBinding>);
          this.#rebuild();
        },
        deleted: ({ metadata }) => {
          this.#bindings.delete(metadata.name ?? '');
          this.#rebuild();
        },
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  /** Those with a rule that names the resource, by name. O(1) once asked, and nothing at all without policies. */
  candidates(resource: string): readonly BoundPolicy[] {
    if (this.#bound.length === 0) return this.#bound;
    let found = this.#byResource.get(resource);
    if (found === undefined) {
      found = this.#bound.filter(({ policy }) =>
        (policy.spec.matchConstraints?.resourceRules ?? []).some((rule) =>
          (rule.resources ?? []).some((name) => ['*', resource].includes(name.split('/')[0] as string)),
        ),
      );
      if (this.#byResource.size > 1000) this.#byResource.clear();
      this.#byResource.set(resource, found);
    }
    return found;
  }

  #rebuild(): void {
    this.#byResource.clear();
    const bindings = [...this.#bindings.values()].sort((a, b) => compareText(a.metadata.name, b.metadata.name));
    this.#bound = [...this.#policies.values()]
      .sort((a, b) => compareText(a.name, b.name))
      .map((policy) => ({
        policy,
        bindings: bindings
          .filter(({ spec }) => spec.policyName === policy.name)
          .map(({ metadata, spec }) => ({ name: metadata.name ?? '', spec })),
      }))
      .filter(({ bindings: own }) => own.length > 0);
  }
}

const compareText = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);

function compiled({ metadata, spec }: DeepReadonly<AdmissionPolicy>): CompiledPolicy {
  const variables = composedVariables(spec);
  const known = new Map<string, Expression>();
  const compileOne = (text: string): Expression => {
    const found = known.get(text) ?? expressionOf(text, spec, variables);
    known.set(text, found);
    return found;
  };
  return {
    name: metadata.name ?? '',
    spec,
    conditions: (spec.matchConditions ?? []).map(({ name, expression }) => ({
      name,
      expression: compileOne(expression),
    })),
    variables: (spec.variables ?? []).map(({ name, expression }) => ({ name, expression: compileOne(expression) })),
    compile: compileOne,
  };
}

function expressionOf(
  text: string,
  spec: DeepReadonly<PolicySpec>,
  variables: { readonly [name: string]: CelType },
): Expression {
  try {
    return { text, program: compilePolicyExpression(spec, text, variables), error: '' };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { text, program: undefined, error: compileErrorText(text, error) };
  }
}
