/** The agreement of a body with the URL it was sent to. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { badRequest, methodNotAllowed, pathNotFound } from '../../apimachinery/status-error.ts';
import type { EndpointContext } from './context.ts';

/** Fills in the namespace of the URL; throws 400 when the body says another one, 405 or 404 when the URL lacks it. */
export function agreeOnNamespace(context: EndpointContext, object: Unstructured): void {
  const { definition, info } = context;
  const given = object.metadata.namespace ?? '';
  if (!definition.type.namespaced) {
    if (given !== '') throw wrongNamespace();
    return;
  }
  if (info.namespace === '') throw definition.strategicMerge ? methodNotAllowed() : pathNotFound();
  if (given !== '' && given !== info.namespace) throw wrongNamespace();
  object.metadata.namespace = info.namespace;
}

/** Fills in the name of the URL; throws 400 when the body says another one. */
export function agreeOnName(context: EndpointContext, object: Unstructured): void {
  const given = object.metadata.name ?? '';
  const { name } = context.info;
  if (given !== '' && given !== name)
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  object.metadata.name = name;
}

const wrongNamespace = (): Error =>
  badRequest('the namespace of the provided object does not match the namespace sent on the request');
