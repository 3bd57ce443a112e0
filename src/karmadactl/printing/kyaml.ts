/** KYAML: YAML in flow style, every string in double quotes, safe against YAML's traps and still easy to edit. */

export function formatKyaml(value: unknown): string {
  return `---\n${format(value, '')}\n`;
}

function format(value: unknown, indent: string): string {
  if (Array.isArray(value)) return formatList(value, indent);
  if (typeof value === 'object' && value !== null) return formatMap(value, indent);
  return JSON.stringify(value) ?? 'null';
}

function formatMap(map: object, indent: string): string {
  const fields = Object.entries(map).filter(([, field]) => field !== undefined);
  if (fields.length === 0) return '{}';
  const inner = `${indent}  `;
  return `{\n${fields.map(([key, field]) => `${inner}${keyText(key)}: ${format(field, inner)},\n`).join('')}${indent}}`;
}

/** Lists of maps or lists keep their brackets together: `[{`, `}, {`, `}]`. */
function formatList(list: readonly unknown[], indent: string): string {
  if (list.length === 0) return '[]';
  if (list.every((item) => typeof item === 'object' && item !== null && Object.keys(item).length > 0))
    return `[${list.map((item) => format(item, indent)).join(', ')}]`;
  const inner = `${indent}  `;
  return `[\n${list.map((item) => `${inner}${format(item, inner)},\n`).join('')}${indent}]`;
}

/** Words that YAML could take for something else are quoted. */
const keyText = (key: string): string =>
  /^[A-Za-z_][\w./-]*$/.test(key) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(key) ? key : JSON.stringify(key);
