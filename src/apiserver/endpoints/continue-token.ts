/** The continue token of paged lists, in upstream's form: clients see an opaque text, some tools look into it. */
import { badRequest } from '../../apimachinery/status-error.ts';

export interface ListPosition {
  /** The snapshot; −1: whatever is newest. */
  revision: number;
  /** Key of the last object returned, relative to the resource. */
  after: string;
}

/** `after` is relative to the resource: `namespace/name`. */
export function encodeContinue(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `${after}\0` })).toString('base64url');
}

/** Throws 400 for anything that encodeContinue does not make. */
export function decodeContinue(token: string): ListPosition {
  let value: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString()) as typeof value;
  } catch (error) {
    throw badRequest('invalid continue token: continue key is not valid: illegal base64 data', error);
  }
  if (value?.v !== 'meta.k8s.io/v1')
    throw badRequest(
      'invalid continue token: continue key is not valid: server does not recognize this encoded version',
    );
  const { rv, start } = value;
  if (typeof rv !== 'number' || !Number.isInteger(rv) || rv === 0)
    throw badRequest(
      'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    );
  if (typeof start !== 'string' || start === '' || start.split('/').includes('..'))
    throw badRequest(
      'invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
    );
  return { revision: rv, after: start.endsWith('\0') ? start.slice(0, -1) : start };
}
