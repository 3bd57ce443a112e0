/** Label selectors in both forms: the text of `labelSelector=` queries, and LabelSelector objects. */
import { labelValueErrors, qualifiedNameErrors } from './names.ts';
import type { DeepReadonly } from './object.ts';
import { badRequest, type FieldError, fieldError } from './status-error.ts';

export interface LabelSelectorRequirement {
  key: string;
  /** In, NotIn, Exists or DoesNotExist. */
  operator: string;
  values?: string[];
}

/** Requirements are ANDed; an empty selector matches everything. */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelSelectorRequirement[];
}

/** One term of a selector in text form. */
export interface LabelRequirement {
  key: string;
  operator: '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';
  values: readonly string[];
}

type Labels = Readonly<Record<string, string>> | undefined;

/** Parses `a=b,c in (d,e),!f,g>1`. Throws BadRequest in upstream's words. */
export function parseLabelSelector(text: string): LabelRequirement[] {
  try {
    return new Parser(text).parse();
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error), error);
  }
}

/** Whether labels fulfil all requirements. A missing label fulfils `!=`, `notin` and `!`. */
export function matchesRequirements(requirements: readonly LabelRequirement[], labels: Labels): boolean {
  for (const requirement of requirements) if (!matchesRequirement(requirement, labels)) return false;
  return true;
}

/** Text that parses to the same requirements. */
export function formatLabelSelector(requirements: readonly LabelRequirement[]): string {
  return requirements.map(formatRequirement).join(',');
}

/** Whether labels match a LabelSelector object. An operator outside the four matches nothing. */
export function matchesLabels(selector: DeepReadonly<LabelSelector>, labels: Labels): boolean {
  for (const key in selector.matchLabels) {
    if (labels === undefined || !Object.hasOwn(labels, key) || labels[key] !== selector.matchLabels[key]) return false;
  }
  for (const expression of selector.matchExpressions ?? []) {
    const has = labels !== undefined && Object.hasOwn(labels, expression.key);
    const listed = (): boolean => has && (expression.values ?? []).includes(labels[expression.key] ?? '');
    switch (expression.operator) {
      case 'In':
        if (!listed()) return false;
        break;
      case 'NotIn':
        if (listed()) return false;
        break;
      case 'Exists':
        if (!has) return false;
        break;
      case 'DoesNotExist':
        if (has) return false;
        break;
      default:
        return false;
    }
  }
  return true;
}

/** The text form of a LabelSelector object, for list queries. Throws on an unknown operator. */
export function formatSelectorObject(selector: DeepReadonly<LabelSelector>): string {
  const requirements: LabelRequirement[] = [];
  for (const key of Object.keys(selector.matchLabels ?? {}).sort())
    requirements.push({ key, operator: '=', values: [selector.matchLabels?.[key] ?? ''] });
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const term = operatorOfObject[operator];
    if (term === undefined) throw badRequest(`"${operator}" is not a valid label selector operator`);
    requirements.push({ key, operator: term, values: values ?? [] });
  }
  return formatLabelSelector(requirements);
}

/** Rules of a LabelSelector field at `path`. */
export function labelSelectorErrors(selector: DeepReadonly<LabelSelector>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    for (const text of qualifiedNameErrors(key)) errors.push(fieldError.invalid(`${path}.matchLabels`, key, text));
    for (const text of labelValueErrors(value)) errors.push(fieldError.invalid(`${path}.matchLabels`, value, text));
  }
  for (const [index, expression] of (selector.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    const count = expression.values?.length ?? 0;
    switch (expression.operator) {
      case 'In':
      case 'NotIn':
        if (count === 0)
          errors.push(fieldError.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (count > 0)
          errors.push(
            fieldError.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
          );
        break;
      default:
        errors.push(fieldError.invalid(`${at}.operator`, expression.operator, 'not a valid selector operator'));
    }
    for (const text of qualifiedNameErrors(expression.key))
      errors.push(fieldError.invalid(`${at}.key`, expression.key, text));
    for (const [i, value] of (expression.values ?? []).entries())
      for (const text of labelValueErrors(value)) errors.push(fieldError.invalid(`${at}.values[${i}]`, value, text));
  }
  return errors;
}

const operatorOfObject: { readonly [operator: string]: LabelRequirement['operator'] } = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

function matchesRequirement({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    default: {
      if (value === undefined || !integer.test(value)) return false;
      const [left, right] = [BigInt(value), BigInt(values[0] ?? '0')];
      return operator === 'gt' ? left > right : left < right;
    }
  }
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0] ?? ''}`;
  }
}

const integer = /^[+-]?\d+$/;
const binaryOperators = 'in, notin, =, ==, !=, gt, lt';
const specials = '=!(),><';
const blanks = ' \t\r\n';

interface Token {
  kind: 'word' | 'symbol' | 'end' | 'error';
  text: string;
}

/** Recursive descent, token for token as upstream, so that the error texts agree. */
class Parser {
  readonly #tokens: Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const first = this.#peek();
      if (first.kind === 'end') return requirements;
      if (!startsRequirement(first))
        throw new Error(`found '${first.text}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.#requirement());
      const next = this.#take();
      if (next.kind === 'end') return requirements;
      if (!isSymbol(next, ',')) throw new Error(`found '${next.text}', expected: ',' or 'end of string'`);
      const after = this.#peek();
      if (!startsRequirement(after)) throw new Error(`found '${after.text}', expected: identifier after ','`);
    }
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? endToken;
  }

  #take(): Token {
    return this.#tokens[this.#position++] ?? endToken;
  }

  #requirement(): LabelRequirement {
    try {
      return this.#parseRequirement();
    } catch (error) {
      throw new Error(`unable to parse requirement: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #parseRequirement(): LabelRequirement {
    let token = this.#take();
    const negated = isSymbol(token, '!');
    if (negated) token = this.#take();
    if (token.kind !== 'word') throw new Error(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const keyErrors = qualifiedNameErrors(key);
    if (keyErrors.length > 0) throw new Error(`<nil>: ${fieldError.invalid('', key, keyErrors.join('; ')).message}`);
    const next = this.#peek();
    if (negated) return { key, operator: '!', values: [] };
    if (next.kind === 'end' || isSymbol(next, ',')) return { key, operator: 'exists', values: [] };
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#exactValue()];
    checkValues(operator, values);
    return { key, operator, values };
  }

  #operator(): LabelRequirement['operator'] {
    const { text } = this.#take();
    switch (text) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
        return text;
      case '>':
        return 'gt';
      case '<':
        return 'lt';
      default:
        throw new Error(`found '${text}', expected: ${binaryOperators}`);
    }
  }

  #values(): string[] {
    const open = this.#take();
    if (!isSymbol(open, '(')) throw new Error(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    if (isSymbol(this.#peek(), ')')) {
      this.#take();
      return [''];
    }
    for (;;) {
      const token = this.#take();
      if (token.kind === 'word') {
        values.add(token.text);
        const next = this.#peek();
        if (isSymbol(next, ')')) break;
        if (!isSymbol(next, ',')) throw new Error(`found '${next.text}', expected: ',' or ')'`);
      } else if (isSymbol(token, ',')) {
        if (values.size === 0) values.add('');
        if (isSymbol(this.#peek(), ')')) {
          values.add('');
          break;
        }
        if (isSymbol(this.#peek(), ',')) {
          this.#take();
          values.add('');
        }
      } else throw new Error(`found '${token.text}', expected: ',', or identifier`);
    }
    this.#take();
    return [...values].sort();
  }

  #exactValue(): string {
    const next = this.#peek();
    if (next.kind === 'end' || isSymbol(next, ',')) return '';
    const token = this.#take();
    if (token.kind !== 'word') throw new Error(`found '${token.text}', expected: identifier`);
    return token.text;
  }
}

function checkValues(operator: LabelRequirement['operator'], values: readonly string[]): void {
  const errors: string[] = [];
  const add = (index: number, value: string, text: string): void => {
    errors.push(`values[${index}]: ${fieldError.invalid('', value, text).message}`);
  };
  for (const [index, value] of values.entries()) {
    if ((operator === 'gt' || operator === 'lt') && !integer.test(value))
      add(index, value, "for 'Gt', 'Lt' operators, the value must be an integer");
    const texts = labelValueErrors(value);
    if (texts.length > 0) add(index, value, texts.join('; '));
  }
  if (errors.length === 1) throw new Error(errors[0]);
  if (errors.length > 1) throw new Error(`[${errors.join(', ')}]`);
}

const endToken: Token = { kind: 'end', text: '' };
const isSymbol = (token: Token, text: string): boolean => token.kind === 'symbol' && token.text === text;
const startsRequirement = (token: Token): boolean => token.kind === 'word' || isSymbol(token, '!');

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (blanks.includes(char)) {
      at++;
    } else if (specials.includes(char)) {
      const two = text.slice(at, at + 2);
      const symbol = two === '==' || two === '!=' ? two : char;
      tokens.push({ kind: 'symbol', text: symbol });
      at += symbol.length;
    } else {
      let end = at;
      while (end < text.length && !specials.includes(text.charAt(end)) && !blanks.includes(text.charAt(end))) end++;
      tokens.push({ kind: 'word', text: text.slice(at, end) });
      at = end;
    }
  }
  return tokens;
}
