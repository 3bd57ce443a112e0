import { describe, expect, it } from 'vitest';
import { createClient } from '../client/client.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createKubeControllers } from './kube-controllers.ts';

const client = createClient({
  request: () => Promise.reject(new Error('no request expected')),
  close: () => Promise.resolve(),
});
const choose = (controllers: string[] | undefined, keys: { serviceAccountKey?: string; rootCa?: string } = {}) =>
  createKubeControllers({ client, informers: createInformerFactory(client), controllers, ...keys }).enabled;

describe('the choice of controllers', () => {
  it('is all of them that have what they need', () => {
    expect(choose(undefined)).toEqual([
      'namespace-controller',
      'garbage-collector-controller',
      'serviceaccount-controller',
      'clusterrole-aggregation-controller',
      'certificatesigningrequest-approving-controller',
      'certificatesigningrequest-cleaner-controller',
      'resourcequota-controller',
    ]);
    expect(choose(['*', '-garbagecollector'], { rootCa: 'ca' })).toEqual([
      'namespace-controller',
      'serviceaccount-controller',
      'root-ca-certificate-publisher-controller',
      'clusterrole-aggregation-controller',
      'certificatesigningrequest-approving-controller',
      'certificatesigningrequest-cleaner-controller',
      'resourcequota-controller',
    ]);
  });

  it('takes old and new names', () => {
    expect(choose(['namespace', 'garbage-collector-controller'])).toEqual([
      'namespace-controller',
      'garbage-collector-controller',
    ]);
  });

  it('refuses a controller that is not there, and names those that are', () => {
    expect(() => choose(['namespace', 'ttl-after-finished'])).toThrow(
      'there is no controller "ttl-after-finished" in this build; there are: namespace, garbagecollector, serviceaccount, ' +
        'serviceaccount-token, root-ca-cert-publisher, clusterrole-aggregation',
    );
  });

  it('refuses a chosen controller without its key or CA', () => {
    expect(() => choose(['serviceaccount-token'])).toThrow('needs --service-account-private-key-file');
    expect(() => choose(['root-ca-cert-publisher'])).toThrow('needs --root-ca-file');
  });
});
