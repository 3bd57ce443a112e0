/**
 * Gives Services their clusterIPs and nodePorts. Both are claimed in the txn that writes the Service and given back in the
 * one that removes or changes it, so that two Services never have the same, whatever races or crashes.
 */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { type FieldError, fieldError, internalError, invalid } from '../../apimachinery/status-error.ts';
import { needsHealthCheckPort, needsNodePorts } from '../../kubernetes/core/service.ts';
import { services } from '../../kubernetes/resource-types.ts';
import type { Service } from '../../kubernetes/types.ts';
import type { Guard, Store, Write } from '../../storage/store.ts';
import type { CommitHook, ExtraCommit } from '../registry/commit-hook.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import { resourcePrefix } from '../registry/storage-key.ts';
import { unreadable } from '../registry/stored-object.ts';
import { Claims, type Holder } from './claims.ts';
import { formatIp, type IpRange, isAssignable, parseIp, parseIpRange } from './ip-range.ts';

export interface ServiceAllocator {
  readonly hook: CommitHook;
  readonly range: IpRange;
  /** Brings the claims in line with the stored Services and follows them from then on. Before the first write. */
  start(catalog: ResourceCatalog, store: Store): Promise<void>;
  stop(): void;
}

/** Another server that allocates meanwhile may be in the way of the repair. */
const repairTries = 5;

export const defaultNodePorts: readonly [number, number] = [30000, 32767];

export function createServiceAllocator(
  serviceCidr: string,
  nodePorts: readonly [number, number] = defaultNodePorts,
): ServiceAllocator {
  const range = parseIpRange(serviceCidr);
  const addresses = new Claims(addressPool(range));
  const ports = new Claims(portPool(nodePorts));
  let unsubscribe = () => {};
  const repair = async (store: Store): Promise<boolean> => {
    const { kvs, revision } = await store.range(resourcePrefix(services));
    // Whose addresses these are cannot be told: nothing is taken from anybody.
    if (kvs.some((kv) => unreadable(kv) !== undefined)) return true;
    const stored = kvs.map(({ key, value, modRevision }) => ({
      service: JSON.parse(value.toString()) as Service,
      guard: { key, modRevision },
    }));
    const holders = (of: (service: Service) => number[]): Map<number, Holder> =>
      new Map(
        stored.flatMap(({ service, guard }) =>
          of(service).map((value): [number, Holder] => [value, { name: ownerOf(service), guard }]),
        ),
      );
    const whole = await addresses.repair(holders(addressesOf), store, revision);
    return (await ports.repair(holders(portsOf), store, revision)) && whole;
  };
  return {
    range,
    hook: {
      handles: ({ type }) => type.group === services.group && type.resource === services.resource,
      beforeCommit: (object, old, { store }) =>
        new Allocation(addresses, ports, range, nodePorts, store).run(
          object as unknown as Service | undefined,
          asService(old),
        ),
    },
    async start(catalog, store) {
      const reader = catalog.reader(services);
      for (let attempt = 1; !(await repair(store)) && attempt < repairTries; attempt++);
      const note = (object: DeepReadonly<Unstructured>, taken: boolean) => {
        const service = object as DeepReadonly<Service>;
        for (const address of addressesOf(service))
          if (taken) addresses.noteTaken(address);
          else addresses.noteFree(address);
        for (const port of portsOf(service))
          if (taken) ports.noteTaken(port);
          else ports.noteFree(port);
      };
      unsubscribe = reader.subscribe({
        put: (object, old) => {
          if (old !== undefined) note(old, false);
          note(object, true);
        },
        deleted: (object) => note(object, false),
      });
    },
    stop: () => unsubscribe(),
  };
}

/** One write of one Service: what it takes, what it gives back. */
class Allocation {
  private readonly addresses: Claims;
  private readonly ports: Claims;
  private readonly range: IpRange;
  private readonly nodePorts: readonly [number, number];
  private readonly store: Store;
  private readonly guards: Guard[] = [];
  private readonly writes: Write[] = [];

  constructor(addresses: Claims, ports: Claims, range: IpRange, nodePorts: readonly [number, number], store: Store) {
    this.addresses = addresses;
    this.ports = ports;
    this.range = range;
    this.nodePorts = nodePorts;
    this.store = store;
  }

  async run(service: Service | undefined, old: DeepReadonly<Service> | undefined): Promise<ExtraCommit> {
    const heldAddresses = old === undefined ? [] : addressesOf(old);
    const heldPorts = old === undefined ? [] : portsOf(old);
    if (service?.spec !== undefined) {
      if (old !== undefined) dropClusterIpOfExternalName(service, old);
      const errors = [
        ...(await this.takeAddress(service, heldAddresses)),
        ...(await this.takePorts(service, new Set(heldPorts))),
      ];
      if (errors.length > 0) throw invalid(services, service.metadata.name ?? '', errors);
    }
    const keptAddresses = service === undefined ? [] : addressesOf(service);
    const keptPorts = service === undefined ? [] : portsOf(service);
    if (old !== undefined) {
      await this.giveBack(this.addresses, heldAddresses, keptAddresses, ownerOf(old));
      await this.giveBack(this.ports, heldPorts, keptPorts, ownerOf(old));
    }
    return { guards: this.guards, writes: this.writes };
  }

  private async takeAddress(service: Service, held: readonly number[]): Promise<FieldError[]> {
    const spec = service.spec as NonNullable<Service['spec']>;
    if (spec.type === 'ExternalName') return [];
    if (spec.clusterIP === 'None') {
      spec.clusterIPs = ['None'];
      return [];
    }
    if (!spec.clusterIP) {
      const picked = this.addresses.pick(new Set());
      if (picked === undefined) throw internalError('failed to allocate a serviceIP: range is full');
      spec.clusterIP = formatIp(picked);
      spec.clusterIPs = [spec.clusterIP];
      this.take(this.addresses, picked, service);
      return [];
    }
    spec.clusterIPs ??= [spec.clusterIP];
    const address = parseIp(spec.clusterIP);
    if (address !== undefined && held.includes(address)) return [];
    const refuse = (why: string) => [
      fieldError.invalid('spec.clusterIPs', [spec.clusterIP], `failed to allocate IP ${spec.clusterIP}: ${why}`),
    ];
    // What is no address at all is for validation to tell.
    if (address === undefined) return [];
    if (!isAssignable(this.range, address))
      return refuse(`provided IP is not in the valid range. The range of valid IPs is ${this.range.cidr}`);
    if ((await this.addresses.ownerOf(address, this.store)) !== undefined)
      return refuse('provided IP is already allocated');
    this.take(this.addresses, address, service);
    return [];
  }

  private async takePorts(service: Service, held: ReadonlySet<number>): Promise<FieldError[]> {
    const spec = service.spec as NonNullable<Service['spec']>;
    const errors: FieldError[] = [];
    const used = new Set(held);
    const takeGiven = async (value: number, field: string) => {
      if (used.has(value)) return;
      used.add(value);
      const [first, last] = this.nodePorts;
      if (value < first || value > last)
        errors.push(
          fieldError.invalid(
            field,
            value,
            `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
          ),
        );
      else if ((await this.ports.ownerOf(value, this.store)) !== undefined)
        errors.push(fieldError.invalid(field, value, 'provided port is already allocated'));
      else this.take(this.ports, value, service);
    };
    const takeAny = (): number => {
      const picked = this.ports.pick(used);
      if (picked === undefined) throw internalError('failed to allocate a nodePort: range is full');
      used.add(picked);
      this.take(this.ports, picked, service);
      return picked;
    };
    const exposed = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
    if (exposed) {
      // Given ones first, so that none of them is picked for another port.
      for (const [index, port] of (spec.ports ?? []).entries())
        if (port.nodePort) await takeGiven(port.nodePort, `spec.ports[${index}].nodePort`);
      if (needsNodePorts(spec))
        for (const port of spec.ports ?? []) {
          if (port.nodePort) continue;
          // TCP and UDP of one port number share a node port.
          const twin = spec.ports?.find((other) => other.port === port.port && other.nodePort);
          port.nodePort = twin?.nodePort ?? takeAny();
        }
    }
    if (needsHealthCheckPort(spec)) {
      if (spec.healthCheckNodePort) await takeGiven(spec.healthCheckNodePort, 'spec.healthCheckNodePort');
      else spec.healthCheckNodePort = takeAny();
    }
    return errors;
  }

  private take(claims: Claims, value: number, service: Service): void {
    const { guard, write } = claims.claim(value, ownerOf(service));
    this.guards.push(guard);
    this.writes.push(write);
  }

  private async giveBack(
    claims: Claims,
    held: readonly number[],
    kept: readonly number[],
    owner: string,
  ): Promise<void> {
    for (const value of new Set(held)) {
      if (kept.includes(value)) continue;
      const released = await claims.release(value, owner, this.store);
      if (released === undefined) continue;
      this.guards.push(released.guard);
      this.writes.push(released.write);
    }
  }
}

/** A Service that becomes an ExternalName loses the addresses it had, unless the client sets others. */
function dropClusterIpOfExternalName(service: Service, old: DeepReadonly<Service>): void {
  const spec = service.spec as NonNullable<Service['spec']>;
  if (spec.type !== 'ExternalName' || old.spec?.type === 'ExternalName') return;
  if (spec.clusterIP !== old.spec?.clusterIP) return;
  delete spec.clusterIP;
  delete spec.clusterIPs;
  delete spec.ipFamilies;
  delete spec.ipFamilyPolicy;
}

function addressesOf({ spec }: DeepReadonly<Service>): number[] {
  if (spec === undefined || spec.type === 'ExternalName') return [];
  const address = parseIp(spec.clusterIP ?? '');
  return address === undefined ? [] : [address];
}

function portsOf({ spec }: DeepReadonly<Service>): number[] {
  if (spec?.type !== 'NodePort' && spec?.type !== 'LoadBalancer') return [];
  const ports = (spec.ports ?? []).flatMap((port) => port.nodePort || []);
  return spec.healthCheckNodePort ? [...ports, spec.healthCheckNodePort] : ports;
}

const ownerOf = (service: DeepReadonly<Service>): string =>
  `${service.metadata.namespace ?? ''}/${service.metadata.name ?? ''}`;

/** The lower part of the range is left to those who ask for an address (KEP-3070). */
function addressPool(range: IpRange) {
  const offset = Math.min(Math.max(16, Math.floor(range.size / 16)), 256);
  // Small ranges have no band of their own, and .1 is always default/kubernetes.
  const split = range.base + (offset < range.size ? offset : 1);
  return {
    what: 'cluster-ip',
    dynamic: [split + 1, range.base + range.size - 2] as const,
    reserved: [range.base + 2, Math.min(split, range.base + range.size - 2)] as const,
    format: formatIp,
  };
}

/** The same for ports (KEP-3668). */
function portPool([first, last]: readonly [number, number]) {
  const size = last - first + 1;
  const offset = size < 64 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
  return {
    what: 'node-port',
    dynamic: [first + offset, last] as const,
    reserved: [first, first + offset - 1] as const,
    format: String,
  };
}

const asService = (object: DeepReadonly<Unstructured> | undefined) => object as DeepReadonly<Service> | undefined;
