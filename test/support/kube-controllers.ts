/** The controllers of this room beside a whole API server, for tests. */
import { generateKeyPairSync } from 'node:crypto';
import type { ApiServerOptions } from '../../src/apiserver/server.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { createInformerFactory } from '../../src/client/informer-factory.ts';
import { createKubeControllers, type KubeControllersOptions } from '../../src/kube-controllers/kube-controllers.ts';
import { startApiServer, type TestApiServer } from './api-server.ts';

export const testServiceAccountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ format: 'pem', type: 'pkcs8' })
  .toString();
export const testRootCa = '-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n';

export async function startKubeControllers(
  options: Partial<KubeControllersOptions> = {},
  server: Partial<ApiServerOptions> = {},
): Promise<TestApiServer & { controllerClient: Client; stopControllers(): Promise<void> }> {
  const api = await startApiServer({ serviceAccountKey: testServiceAccountKey, ...server });
  const controller = new AbortController();
  // With the rights that kube-controller-manager has by its bootstrap roles.
  const client = createClient(
    api.server.localTransport({ name: 'system:kube-controller-manager', groups: ['system:authenticated'] }),
  );
  const informers = createInformerFactory(client);
  const controllers = createKubeControllers({
    client,
    informers,
    serviceAccountKey: testServiceAccountKey,
    rootCa: testRootCa,
    ...options,
  });
  informers.start(controller.signal);
  const running = controllers.run(controller.signal);
  const stopControllers = async (): Promise<void> => {
    controller.abort(new Error('stopped'));
    await running.catch(() => undefined);
  };
  return {
    ...api,
    controllerClient: client,
    stopControllers,
    async stop() {
      await stopControllers();
      await api.stop();
    },
  };
}

/** A namespaced custom resource without rules. */
export const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
