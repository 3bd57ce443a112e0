import { afterAll, beforeAll, describe, it } from 'vitest';
import { etcdPath, startEtcd, type TestEtcd } from '../../../test/support/etcd.ts';
import { systemClock } from '../../apimachinery/clock.ts';
import { describeStore } from '../conformance.ts';
import { connectEtcd, type EtcdConnection } from './connection.ts';
import { openEtcdStore } from './etcd-store.ts';
import { createKeySpace } from './key-space.ts';

if (etcdPath === undefined)
  describe('etcd store', () => {
    it.skip('there is no etcd here: .ci/run fetches it', () => {});
  });
else {
  let etcd: TestEtcd;
  let connection: EtcdConnection;
  let count = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
    connection = connectEtcd({ ...etcd, clock: systemClock });
  });
  afterAll(async () => {
    connection.close();
    await etcd.stop();
  });

  /** Each store has a prefix of its own, and counts from 0 there. */
  const found = async (): Promise<string> => {
    const prefix = `/test${count++}`;
    const key = createKeySpace(prefix).revisionKey;
    await connection.call('Put', { key, value: Buffer.from('0') }, { repeatable: false });
    return prefix;
  };

  describeStore('etcd store', async () => {
    const prefix = await found();
    let store = await openEtcdStore({ ...etcd, prefix });
    return {
      store,
      async reopen() {
        await store.close();
        store = await openEtcdStore({ ...etcd, prefix });
        return store;
      },
      dispose: () => store.close(),
    };
  });
}
