/**
 * Shows where clusterIPs come from and who holds them: the ServiceCIDR `kubernetes`, and an IPAddress for each clusterIP. The
 * API server allocates from its own range; these objects follow it. The key is an address, or the range.
 */
import { isIPv6 } from 'node:net';
import { formatTime } from '../../../apimachinery/clock.ts';
import type { Condition, DeepReadonly, KubeObject } from '../../../apimachinery/object.ts';
import { isAlreadyExists, isNotFound } from '../../../apimachinery/status-error.ts';
import { type Controller, createController } from '../../../controller/controller.ts';
import { ipAddresses, serviceCidrs, services as serviceType } from '../../../kubernetes/resource-types.ts';
import type { Service } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';

type ServiceCIDR = KubeObject & { spec?: { cidrs?: string[] }; status?: { conditions?: Condition[] } };
type IPAddress = KubeObject & {
  spec?: { parentRef?: { group?: string; resource: string; namespace?: string; name: string } };
};

const defaultName = 'kubernetes';
const managedBy = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' };
const addressIndex = 'clusterIPs';

/** Must be called before the informers start. `range`: the API server's. */
export function createServiceCidrController(context: ControllerContext, range: string): Controller {
  const { informers, client, clock, logger } = context;
  const services = informers.informer<Service>(serviceType);
  const addresses = informers.informer<IPAddress>(ipAddresses);
  const ranges = informers.informer<ServiceCIDR>(serviceCidrs);
  const addressClient = client.resource<IPAddress>(ipAddresses);
  const rangeClient = client.resource<ServiceCIDR>(serviceCidrs);
  services.addIndex(addressIndex, clusterIPs);
  const controller = createController({ name: 'service-cidr-controller', reconcile, clock, logger });

  async function reconcile(key: string): Promise<void> {
    if (key === range) return showRange();
    const shown = addresses.get(key);
    const service = services.byIndex(addressIndex, key)[0];
    if (shown !== undefined && !isOurs(shown)) return;
    const parent = service && {
      resource: 'services',
      namespace: service.metadata.namespace,
      name: service.metadata.name,
    };
    const is = shown?.spec?.parentRef;
    if (is !== undefined && (parent === undefined || is.name !== parent.name || is.namespace !== parent.namespace))
      await addressClient.delete({ name: key }).catch(ignore(isNotFound));
    else if (shown !== undefined) return;
    if (parent === undefined) return;
    const labels = { ...managedBy, 'ipaddress.kubernetes.io/ip-family': isIPv6(key) ? 'IPv6' : 'IPv4' };
    const wanted = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: { name: key, labels },
      spec: { parentRef: parent },
    };
    await addressClient.create(wanted as IPAddress).catch(ignore(isAlreadyExists));
  }

  async function showRange(): Promise<void> {
    let found = ranges.get(defaultName) as DeepReadonly<ServiceCIDR> | undefined;
    const finalizers = ['networking.k8s.io/service-cidr-finalizer'];
    if (found === undefined)
      found = await rangeClient.create({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'ServiceCIDR',
        metadata: { name: defaultName, finalizers },
        spec: { cidrs: [range] },
      });
    if (found.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
    const condition: Condition = {
      type: 'Ready',
      status: 'True',
      reason: '',
      message: 'Kubernetes default Service CIDR is ready',
      lastTransitionTime: formatTime(clock.now()),
    };
    await rangeClient.updateStatus({ ...found, status: { conditions: [condition] } } as ServiceCIDR);
  }

  const lead = (service: DeepReadonly<Service>): void => {
    for (const address of clusterIPs(service)) controller.enqueue(address);
  };
  services.addHandler({
    added: lead,
    updated(service, old) {
      if (clusterIPs(service).join() === clusterIPs(old).join()) return;
      lead(old);
      lead(service);
    },
    deleted: lead,
  });
  const look = (address: DeepReadonly<IPAddress>): void => controller.enqueue(address.metadata.name ?? '');
  addresses.addHandler({ added: look, deleted: look });
  ranges.addHandler({ deleted: () => controller.enqueue(range) });
  controller.enqueue(range);
  return controller;
}

const isOurs = ({ metadata }: DeepReadonly<IPAddress>): boolean =>
  Object.entries(managedBy).every(([key, value]) => metadata.labels?.[key] === value);

const clusterIPs = ({ spec }: DeepReadonly<Service>): readonly string[] =>
  spec?.type === 'ExternalName' ? [] : (spec?.clusterIPs ?? []).filter((address) => address !== 'None');

function ignore(expected: (error: unknown) => boolean) {
  return (error: unknown): void => {
    if (!expected(error)) throw error;
  };
}
