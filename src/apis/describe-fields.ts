/** Texts for `kubectl explain`, written beside a schema rather than inside it: the schema stays readable as a shape. */
import type { Schema } from '../apimachinery/schema/structural.ts';

/** By path from the root, items of lists and values of maps without a step of their own: `spec.taints.key`; `''` is the kind. */
export type FieldTexts = Readonly<Record<string, string>>;

/** A copy with the texts. Throws on a path that the schema does not have. */
export function describeFields(schema: Schema, texts: FieldTexts): Schema {
  let described = schema;
  for (const [path, text] of Object.entries(texts))
    described = withText(described, path === '' ? [] : path.split('.'), text, path);
  return described;
}

function withText(schema: Schema, steps: readonly string[], text: string, path: string): Schema {
  const [step, ...rest] = steps;
  if (step === undefined) return { ...schema, description: text };
  if (schema.items !== undefined) return { ...schema, items: withText(schema.items, steps, text, path) };
  const field = schema.properties?.[step];
  if (field === undefined) throw new Error(`there is no field ${path} to describe`);
  return { ...schema, properties: { ...schema.properties, [step]: withText(field, rest, text, path) } };
}
