/** A ConversionReview of somebody else's API server: bindings in the version that it asks for. */
import type { Unstructured } from '../apimachinery/object.ts';
import { isMap } from '../apimachinery/patch/json-map.ts';
import { badRequest } from '../apimachinery/status-error.ts';
import { convertBinding } from '../apis/work/binding-conversion.ts';

/** The answer, as an `apiextensions.k8s.io/v1` ConversionReview. Throws BadRequest when the body is no such review. */
export function answerConversion(body: string): object {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`);
  }
  const { apiVersion, kind, request } = isMap(review) ? review : {};
  if (kind !== 'ConversionReview' || apiVersion !== 'apiextensions.k8s.io/v1')
    throw badRequest(`apiextensions.k8s.io/v1, Kind=ConversionReview is expected, got ${apiVersion}, Kind=${kind}`);
  if (!isMap(request) || typeof request['uid'] !== 'string' || !Array.isArray(request['objects']))
    throw badRequest('the ConversionReview has no request with uid and objects');
  const { uid, objects, desiredAPIVersion } = request;
  let response: object;
  try {
    response = {
      uid,
      result: { status: 'Success' },
      convertedObjects: objects.map((object: Unstructured) => convertBinding(object, String(desiredAPIVersion))),
    };
  } catch (error) {
    response = { uid, result: { status: 'Failed', message: (error as Error).message }, convertedObjects: [] };
  }
  return { apiVersion, kind, response };
}
