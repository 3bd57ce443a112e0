/** The one view of bootstrap token Secrets that the controllers of this folder share. */
import type { Informer, InformerFactory } from '../../client/informer.ts';
import { bootstrapTokenNamespace, bootstrapTokenType } from '../../component/bootstrap-token.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';

export function bootstrapSecretInformer(informers: InformerFactory): Informer<Secret> {
  return informers.informer<Secret>(secrets, {
    namespace: bootstrapTokenNamespace,
    fieldSelector: `type=${bootstrapTokenType}`,
  });
}
