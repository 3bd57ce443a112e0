/**
 * Gives Services of type LoadBalancer an address, as a cloud would: from 172.19.<cluster>.0/24, and each to one Service only.
 * Nobody listens there; it is what status shows. The key is the Service's.
 */
import { type DeepReadonly, deepEqual, objectKey } from '../../../apimachinery/object.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { services as serviceType } from '../../../kubernetes/resource-types.ts';
import type { Service } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import type { AddressAllocator } from './address-allocator.ts';

type ReadableService = DeepReadonly<Service>;

/** Must be called before the informers start. */
export function createLoadBalancerController(context: ControllerContext, addresses: AddressAllocator): Controller {
  const { informers, client, clock, logger } = context;
  const services = informers.informer<Service>(serviceType);
  const serviceClient = client.resource<Service>(serviceType);
  const controller = createController({ name: 'service', reconcile, clock, logger });
  const told = new Set<string>();
  let remembered = false;

  async function reconcile(key: string): Promise<void> {
    if (!remembered) {
      // What Services have already is theirs, before anybody gets something new.
      for (const service of services.list()) {
        const held = service.status?.loadBalancer?.ingress?.[0]?.ip;
        if (held !== undefined && isOurs(service)) addresses.claim(objectKey(service), held);
      }
      remembered = true;
    }
    const service = services.get(key);
    const wants = service !== undefined && isOurs(service) && service.metadata.deletionTimestamp === undefined;
    if (!wants) {
      addresses.release(key);
      told.delete(key);
    }
    if (service === undefined || (!wants && !hadAddress(service))) return;
    const wanted = service.spec?.loadBalancerIP || undefined;
    const address = wants ? addresses.allocate(key, wanted) : undefined;
    if (wants && address === undefined) {
      if (told.has(key)) return;
      told.add(key);
      const why = wanted === undefined ? 'no address is left' : `the address ${wanted} is taken or out of range`;
      const message = `Error syncing load balancer: failed to ensure load balancer: ${why}`;
      context.recordEvent(service, 'Warning', 'SyncLoadBalancerFailed', message);
      return;
    }
    const ingress = address === undefined ? undefined : [{ ip: address, ipMode: 'VIP' }];
    const status = { ...service.status, loadBalancer: ingress === undefined ? {} : { ingress } };
    if (deepEqual(status, service.status ?? {})) return;
    if (wants) context.recordEvent(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    await serviceClient.updateStatus({ ...service, status } as Service);
    if (wants) context.recordEvent(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }
  /** Services of a class of its own are somebody else's. */
  const isOurs = ({ spec }: ReadableService): boolean =>
    spec?.type === 'LoadBalancer' && spec.loadBalancerClass === undefined;
  const hadAddress = ({ spec, status }: ReadableService): boolean =>
    spec?.type !== 'LoadBalancer' && (status?.loadBalancer?.ingress ?? []).length > 0;
  const lead = (service: ReadableService): void => {
    if (isOurs(service) || hadAddress(service)) controller.enqueue(objectKey(service));
  };
  services.addHandler({
    added: lead,
    updated(service, old) {
      if (isOurs(old)) controller.enqueue(objectKey(service));
      lead(service);
    },
    deleted: (service) => controller.enqueue(objectKey(service)),
  });
  return controller;
}
