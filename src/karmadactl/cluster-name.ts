/** The argument of join, unjoin and their like. */
import { isDns1123Label } from '../apimachinery/names.ts';

/** Exactly one word. */
export function clusterNameArgument(args: readonly string[]): string {
  if (args.length > 1) throw new Error('only the cluster name is allowed as an argument');
  if (args[0] === undefined || args[0] === '') throw new Error('cluster name is required');
  return args[0];
}

const maxLength = 48;

/** Throws `invalid cluster name(<n>): …` with every rule that is broken. */
export function validateClusterName(name: string): void {
  const problems: string[] = [];
  if (name === '') problems.push('must be not empty');
  if (name.length > maxLength) problems.push(`must be no more than ${maxLength} characters`);
  if (!isDns1123Label(name)) {
    problems.push(
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    );
  }
  if (problems.length > 0) throw new Error(`invalid cluster name(${name}): ${problems.join(';')}`);
}
