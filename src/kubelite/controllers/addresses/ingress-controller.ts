/** Gives Ingresses the address of the simulated ingress, as a controller of their class would. The key is the Ingress's. */
import { type DeepReadonly, deepEqual, objectKey } from '../../../apimachinery/object.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { ingressClasses, ingresses as ingressType } from '../../../kubernetes/resource-types.ts';
import type { Ingress, IngressClass } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';

/** Classes of this controller are served, and Ingresses without any class. */
const controllerName = 'kubelite/simulated';

/** Must be called before the informers start. */
export function createIngressController(context: ControllerContext, address: string): Controller {
  const { informers, client, clock, logger } = context;
  const ingresses = informers.informer<Ingress>(ingressType);
  const classes = informers.informer<IngressClass>(ingressClasses);
  const ingressClient = client.resource<Ingress>(ingressType);
  const controller = createController({
    name: 'ingress',
    clock,
    logger,
    async reconcile(key) {
      const ingress = ingresses.get(key);
      if (ingress === undefined || ingress.metadata.deletionTimestamp !== undefined || !isOurs(ingress)) return;
      const loadBalancer = { ingress: [{ ip: address }] };
      if (deepEqual(ingress.status?.loadBalancer, loadBalancer)) return;
      await ingressClient.updateStatus({ ...ingress, status: { loadBalancer } } as Ingress);
      context.recordEvent(ingress, 'Normal', 'Sync', 'Scheduled for sync');
    },
  });
  const isOurs = ({ metadata, spec }: DeepReadonly<Ingress>): boolean => {
    const name = spec?.ingressClassName ?? metadata.annotations?.['kubernetes.io/ingress.class'];
    return name === undefined || classes.get(name)?.spec?.controller === controllerName;
  };
  const lead = (ingress: DeepReadonly<Ingress>): void => controller.enqueue(objectKey(ingress));
  const all = (): void => ingresses.list().forEach(lead);
  ingresses.addHandler({ added: lead, updated: lead });
  classes.addHandler({ added: all, updated: all });
  return controller;
}
