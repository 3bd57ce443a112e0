/**
 * Makes Services reachable where clusterIPs lie in 127.0.0.0/8: each TCP port of a Service with ready endpoints is listened on,
 * and a connection is handed to one endpoint after the other. Without a ready endpoint nothing listens: connections are refused.
 * Forwards only to addresses of this cluster's pods (and of its own API server), never to any other loopback port.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type DeepReadonly, objectKey } from '../apimachinery/object.ts';
import type { InformerFactory } from '../client/informer.ts';
import type { Logger } from '../component/logging.ts';
import { type Controller, createController } from '../controller/controller.ts';
import { endpointSlices, services } from '../kubernetes/resource-types.ts';
import type { EndpointSlice, Service } from '../kubernetes/types.ts';
import { type Cidr, contains } from './kubelet/pod-addresses.ts';

const serviceNameLabel = 'kubernetes.io/service-name';

export interface ServiceProxyOptions {
  informers: InformerFactory;
  podCidr: Cidr;
  serviceCidr: Cidr;
  /** Where default/kubernetes leads: `address:port`. */
  apiServer: () => string;
  hostsFile: string;
  logger: Logger;
}

export interface ServiceProxy {
  controller: Controller;
  /** Closes all listeners and connections. */
  close(): void;
}

interface Listener {
  server: Server | undefined;
  /** `address:port` of ready endpoints, in order. */
  targets: readonly string[];
  turn: number;
  /** Open connections by the endpoint they lead to. */
  sockets: Map<string, Set<Socket>>;
  failed: boolean;
}

/** Must be called before the informers start. The key is the Service's. */
export function createServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { informers, logger } = options;
  const serviceCache = informers.informer<Service>(services);
  const sliceCache = informers.informer<EndpointSlice>(endpointSlices);
  sliceCache.addIndex('forService', (slice) => {
    const name = slice.metadata.labels?.[serviceNameLabel];
    return name === undefined ? [] : [`${slice.metadata.namespace}/${name}`];
  });
  /** Listeners of each Service by `clusterIP:port`. */
  const listeners = new Map<string, Map<string, Listener>>();
  const hosts = createHostsFile(options.hostsFile);

  const controller = createController({
    name: 'service-proxy',
    logger,
    async reconcile(key) {
      const wanted = wantedListeners(key);
      const current = listeners.get(key) ?? new Map<string, Listener>();
      for (const [address, listener] of current) {
        if (wanted.has(address)) continue;
        closeListener(listener);
        current.delete(address);
      }
      for (const [address, targets] of wanted) {
        let listener = current.get(address);
        if (listener === undefined) {
          listener = { server: undefined, targets: [], turn: 0, sockets: new Map(), failed: false };
          current.set(address, listener);
        }
        await apply(address, listener, targets);
      }
      if (current.size > 0) listeners.set(key, current);
      else listeners.delete(key);
      const service = serviceCache.get(key);
      hosts.set(key, service === undefined ? undefined : addressOf(service));
      // One write for all Services that changed together: the last of them in the queue writes.
      hosts.write();
    },
  });

  const addressOf = (service: DeepReadonly<Service>): string | undefined => {
    const address = service.spec?.clusterIP;
    return address !== undefined && contains(options.serviceCidr, address) ? address : undefined;
  };

  /** `clusterIP:port` → targets, ready ones and those that only finish what they have. */
  function wantedListeners(key: string): Map<string, { ready: string[]; open: Set<string> }> {
    const wanted = new Map<string, { ready: string[]; open: Set<string> }>();
    const service = serviceCache.get(key);
    const address = service === undefined ? undefined : addressOf(service);
    if (service === undefined || address === undefined) return wanted;
    for (const port of service.spec?.ports ?? []) {
      if ((port.protocol ?? 'TCP') !== 'TCP') continue;
      const targets = { ready: [] as string[], open: new Set<string>() };
      for (const slice of sliceCache.byIndex('forService', key)) {
        const target = slice.ports?.find((candidate) => (candidate.name ?? '') === (port.name ?? ''))?.port;
        if (target === undefined) continue;
        for (const endpoint of slice.endpoints ?? []) {
          for (const endpointAddress of endpoint.addresses) {
            const to = `${endpointAddress}:${target}`;
            if (!isOurs(key, endpointAddress, to)) continue;
            targets.open.add(to);
            if (endpoint.conditions?.ready !== false) targets.ready.push(to);
          }
        }
      }
      targets.ready.sort();
      wanted.set(`${address}:${port.port}`, targets);
    }
    return wanted;
  }

  const isOurs = (key: string, address: string, target: string): boolean =>
    contains(options.podCidr, address) || (key === 'default/kubernetes' && target === options.apiServer());

  async function apply(
    address: string,
    listener: Listener,
    targets: { ready: string[]; open: Set<string> },
  ): Promise<void> {
    listener.targets = targets.ready;
    for (const [target, sockets] of listener.sockets) {
      if (targets.open.has(target)) continue;
      for (const socket of sockets) socket.destroy();
      listener.sockets.delete(target);
    }
    if (targets.ready.length === 0) {
      listener.server?.close();
      listener.server = undefined;
    } else if (listener.server === undefined) {
      try {
        listener.server = await listen(address, (socket) => forward(listener, socket));
        listener.failed = false;
      } catch (error) {
        if (!listener.failed) logger.warn('A Service port cannot be listened on', { address, err: error });
        listener.failed = true;
      }
    }
  }

  function forward(listener: Listener, inbound: Socket): void {
    const target = listener.targets[listener.turn++ % Math.max(1, listener.targets.length)];
    if (target === undefined) {
      inbound.destroy();
      return;
    }
    const colon = target.lastIndexOf(':');
    const outbound = connect({
      host: target.slice(0, colon),
      port: Number(target.slice(colon + 1)),
      allowHalfOpen: true,
    });
    const sockets = listener.sockets.get(target) ?? new Set<Socket>();
    listener.sockets.set(target, sockets.add(inbound));
    inbound.setNoDelay(true);
    outbound.setNoDelay(true);
    const end = (): void => {
      inbound.destroy();
      outbound.destroy();
      sockets.delete(inbound);
    };
    inbound.on('error', end).on('close', end);
    outbound.on('error', end).on('close', end);
    inbound.pipe(outbound);
    outbound.pipe(inbound);
  }

  const enqueueSlice = (slice: DeepReadonly<EndpointSlice>): void => {
    const name = slice.metadata.labels?.[serviceNameLabel];
    if (name !== undefined) controller.enqueue(`${slice.metadata.namespace}/${name}`);
  };
  serviceCache.addHandler({
    added: (service) => controller.enqueue(objectKey(service)),
    updated: (service) => controller.enqueue(objectKey(service)),
    deleted: (service) => controller.enqueue(objectKey(service)),
  });
  sliceCache.addHandler({ added: enqueueSlice, updated: enqueueSlice, deleted: enqueueSlice });

  return {
    controller,
    close() {
      for (const ofService of listeners.values()) for (const listener of ofService.values()) closeListener(listener);
      listeners.clear();
    },
  };
}

function closeListener(listener: Listener): void {
  listener.server?.close();
  listener.server = undefined;
  for (const sockets of listener.sockets.values()) for (const socket of sockets) socket.destroy();
  listener.sockets.clear();
}

function listen(address: string, accept: (socket: Socket) => void): Promise<Server> {
  const colon = address.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, accept);
    server.once('error', reject);
    server.listen({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve(server);
    });
  });
}

/** `<clusterIP> name.ns.svc name.ns.svc.cluster.local name.ns`, replaced in one step and only when it changed. */
function createHostsFile(file: string): { set(key: string, address: string | undefined): void; write(): void } {
  const addresses = new Map<string, string>();
  let written: string | undefined;
  return {
    set(key, address) {
      if (address === undefined) addresses.delete(key);
      else addresses.set(key, address);
    },
    write() {
      const lines = [...addresses]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, address]) => {
          const [namespace, name] = key.split('/');
          return `${address} ${name}.${namespace}.svc ${name}.${namespace}.svc.cluster.local ${name}.${namespace}\n`;
        });
      const content = lines.join('');
      if (content === written) return;
      writeFileSync(`${file}.new`, content, { mode: 0o600 });
      renameSync(`${file}.new`, file);
      written = content;
    },
  };
}
