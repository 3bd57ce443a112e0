/** Puts karmada-controller-manager together: what its controllers share, who leads, and the end. */
import { setMaxListeners } from 'node:events';
import { systemClock } from '../../apimachinery/clock.ts';
import type { ResourceType } from '../../apimachinery/group-version.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import * as types from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import { waitForServer } from '../../client/connect.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { leaseOf } from '../../component/flag-groups.ts';
import type { Logger } from '../../component/logging.ts';
import { createManager } from '../../controller/manager.ts';
import { createConfiguredLayers } from '../../interpreter/configured-layers.ts';
import { createMemberClusters } from '../../members/member-clusters.ts';
import { createControlPlane } from '../../propagation/create-control-plane.ts';
import { createSkippedResources } from '../../propagation/detector/skipped-resources.ts';
import { clusterControllers, propagationControllers } from './controller-manager-controllers.ts';
import { type ControllerManagerFlags, controllerManagerName } from './controller-manager-flags.ts';
import type { ProgramContext } from './program.ts';

/** Definitions of custom resources and aggregated groups may come later than the API server. */
const needed = [
  types.propagationPolicies,
  types.clusterPropagationPolicies,
  types.overridePolicies,
  types.clusterOverridePolicies,
  types.clusterTaintPolicies,
  types.resourceBindings,
  types.clusterResourceBindings,
  types.works,
  types.clusters,
  types.resourceInterpreterCustomizations,
  types.resourceInterpreterWebhookConfigurations,
];

/** `enabled`: names as of --controllers. */
export async function runControllers(
  flags: ControllerManagerFlags,
  enabled: ReadonlySet<string>,
  { signal, logger, health, registry, connect, identity }: ProgramContext,
): Promise<void> {
  setMaxListeners(0, signal);
  const skipped = createSkippedResources(flags['skipped-propagating-apis'], flags['skipped-propagating-namespaces']);
  const client = connect();
  const eventClient = connect();
  await waitForServer(client, { logger, signal });
  for (const type of needed) await waitForResource(client, type, logger, signal);

  const informers = createInformerFactory(client, { logger, resyncPeriodMs: flags['resync-period'] });
  const controllers = {
    baseDelay: flags['rate-limiter-base-delay'],
    maxDelay: flags['rate-limiter-max-delay'],
    retryQps: flags['rate-limiter-qps'],
    retryBurst: flags['rate-limiter-bucket-size'],
    logger,
    registry,
  };
  const interpreter = createConfiguredLayers({
    informers,
    onFailure: (about, reason, message) => record(about, 'Warning', reason, message),
  });
  const controlPlane = createControlPlane({
    client,
    eventClient,
    informers,
    interpreterLayers: interpreter.layers,
    controllers,
    logger,
  });
  const record = controlPlane.recorder('resource-interpreter');
  const members = createMemberClusters({
    client,
    informers,
    qps: flags['cluster-api-qps'],
    burst: flags['cluster-api-burst'],
    cacheSyncTimeout: flags['cluster-cache-sync-timeout'],
    userAgent: controllerManagerName,
    logger,
  });
  const lease = leaseOf(flags);
  const manager = createManager({
    informers: [informers],
    health,
    logger,
    leaderElection: lease && { client, logger, identity, ...lease },
  });
  const parts = { flags, enabled, client, informers, controlPlane, members, skipped, controllers, logger, registry };
  for (const controller of [...propagationControllers(parts), ...clusterControllers(parts)])
    manager.add({
      name: controller.name,
      run(inner) {
        // One signal ends all controllers and their queues: many listeners are no leak.
        setMaxListeners(0, inner);
        return controller.run(inner);
      },
    });
  try {
    await manager.run(signal);
  } finally {
    await interpreter.close();
    await controlPlane.flushEvents();
    await members.close();
    await eventClient.close();
    await client.close();
  }
}

async function waitForResource(client: Client, type: ResourceType, logger: Logger, signal: AbortSignal): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await client.resource(type).list({ limit: 1, signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (tries % 60 === 0) {
        const fields = { resource: `${type.resource}.${type.group}`, version: type.version };
        if (isNotFound(error)) logger.info('Waiting for a resource to be served', fields);
        else logger.warn('Waiting for a resource to be served', { ...fields, err: error });
      }
    }
    await systemClock.sleep(Math.min(1000, 100 * (tries + 1)), signal);
  }
}
