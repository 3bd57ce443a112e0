/** The variable `authorizer`: what may the user of this request do? Each check asks the server's authorizer once. */
import { declare, type Overload } from './overloads.ts';
import type { CelType } from './types.ts';
import type { Opaque } from './values.ts';

export interface AccessQuestion {
  /** Undefined: the user of the request. */
  serviceAccount?: { namespace: string; name: string };
  verb: string;
  /** A non-resource path; the fields below do not count then. */
  path?: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  fieldSelector?: string;
  labelSelector?: string;
}

export interface AccessAnswer {
  allowed: boolean;
  reason: string;
  /** Why the question could not be answered. */
  error?: string;
}

export type Ask = (question: AccessQuestion) => AccessAnswer;

export const authorizerTypes: { readonly [variable: string]: CelType } = {
  authorizer: { kind: 'opaque', name: 'kubernetes.authorization.Authorizer' },
  'authorizer.requestResource': { kind: 'opaque', name: 'kubernetes.authorization.ResourceCheck' },
};

/** `resource`: what the request is about. */
export function authorizerValues(
  ask: Ask,
  resource: Pick<AccessQuestion, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>,
): { authorizer: Opaque; 'authorizer.requestResource': Opaque } {
  return {
    authorizer: new Check(`${prefix}Authorizer`, ask, nothing),
    'authorizer.requestResource': new Check(`${prefix}ResourceCheck`, ask, { ...nothing, ...resource }),
  };
}

const prefix = 'kubernetes.authorization.';
const nothing: AccessQuestion = { verb: '', group: '', resource: '', subresource: '', namespace: '', name: '' };

/** A question that is being put together. */
class Check implements Opaque {
  readonly opaque: string;
  readonly ask: Ask;
  readonly question: AccessQuestion;
  constructor(opaque: string, ask: Ask, question: AccessQuestion) {
    this.opaque = opaque;
    this.ask = ask;
    this.question = question;
  }
  equals(other: Opaque): boolean {
    return other === this;
  }
  with(kind: string, more: Partial<AccessQuestion>): Check {
    return new Check(prefix + kind, this.ask, { ...this.question, ...more });
  }
}

class Decision implements Opaque {
  readonly opaque = `${prefix}Decision`;
  readonly answer: AccessAnswer;
  constructor(answer: AccessAnswer) {
    this.answer = answer;
  }
  equals(other: Opaque): boolean {
    return other === this;
  }
}

/** Upstream's price of asking the authorizer: two in one condition are within its limit, three are not. */
const checkCost = (): number => 350_000;

type Text = [Check, string];

const resourceCheck = (field: 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector'): Overload =>
  declare(`${prefix}ResourceCheck::${field}(string): ${prefix}ResourceCheck`, ([check, text]: Text) =>
    check.with('ResourceCheck', { [field]: text }),
  );

const check = ([{ ask, question }, verb]: Text): Decision => new Decision(ask({ ...question, verb }));

export const authorizerFunctions: readonly Overload[] = [
  declare(`${prefix}Authorizer::path(string): ${prefix}PathCheck`, ([authorizer, path]: Text) =>
    authorizer.with('PathCheck', { path }),
  ),
  declare(`${prefix}Authorizer::group(string): ${prefix}GroupCheck`, ([authorizer, group]: Text) =>
    authorizer.with('GroupCheck', { group }),
  ),
  declare(
    `${prefix}Authorizer::serviceAccount(string, string): ${prefix}Authorizer`,
    ([authorizer, namespace, name]: [Check, string, string]) =>
      authorizer.with('Authorizer', { serviceAccount: { namespace, name } }),
  ),
  declare(`${prefix}GroupCheck::resource(string): ${prefix}ResourceCheck`, ([group, resource]: Text) =>
    group.with('ResourceCheck', { resource }),
  ),
  ...(['subresource', 'namespace', 'name', 'fieldSelector', 'labelSelector'] as const).map(resourceCheck),
  declare(`${prefix}ResourceCheck::check(string): ${prefix}Decision`, check, checkCost),
  declare(`${prefix}PathCheck::check(string): ${prefix}Decision`, check, checkCost),
  declare(`${prefix}Decision::allowed(): bool`, ([{ answer }]: [Decision]) => answer.allowed),
  declare(`${prefix}Decision::reason(): string`, ([{ answer }]: [Decision]) => answer.reason),
  declare(`${prefix}Decision::errored(): bool`, ([{ answer }]: [Decision]) => answer.error !== undefined),
  declare(`${prefix}Decision::error(): string`, ([{ answer }]: [Decision]) => answer.error ?? ''),
];
