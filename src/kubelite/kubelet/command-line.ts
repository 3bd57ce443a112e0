/** Arguments and environment of a container as its process gets them. Pure functions. */

/** Where a mountPath really is. */
export interface Mount {
  mountPath: string;
  directory: string;
}

/** A container cannot be started as it is written. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** `$(NAME)` becomes the variable's value; `$$` is one dollar sign; what is not known stays as written. */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()$\s]+)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (variables.get(name) ?? whole),
  );
}

/**
 * An argument, or the part behind its first `=`, that lies under a mountPath is pointed to the volume's folder.
 * Throws ConfigError when such a path holds `..`.
 */
export function rewriteArgument(argument: string, mounts: readonly Mount[]): string {
  const whole = rewritePath(argument, mounts);
  if (whole !== undefined) return whole;
  const equals = argument.indexOf('=');
  if (equals < 0) return argument;
  const value = rewritePath(argument.slice(equals + 1), mounts);
  return value === undefined ? argument : argument.slice(0, equals + 1) + value;
}

function rewritePath(path: string, mounts: readonly Mount[]): string | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const root = mount.mountPath.replace(/\/+$/, '');
    if (path !== root && !path.startsWith(`${root}/`)) continue;
    if (best === undefined || root.length > best.mountPath.length) best = { ...mount, mountPath: root };
  }
  if (best === undefined) return undefined;
  if (path.split('/').includes('..')) throw new ConfigError(`the path ${JSON.stringify(path)} must not contain ".."`);
  return best.directory + path.slice(best.mountPath.length);
}

/** Variables that would let a pod choose what its process loads, or pretend to be somebody else's child. */
export function isForbiddenVariable(name: string): boolean {
  return /^(NODE_|LD_|KARMADA_PARENT_PID$|KARMADA_HOSTS_FILE$|KARMADA_INSTANCE$)/.test(name);
}
