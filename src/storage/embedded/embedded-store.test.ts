import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeStore } from '../conformance.ts';
import { openEmbeddedStore } from './embedded-store.ts';

describeStore('embedded store', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'store-'));
  let store = await openEmbeddedStore(directory);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openEmbeddedStore(directory);
      return store;
    },
    async dispose() {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
