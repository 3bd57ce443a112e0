import { describeStore } from '../conformance.ts';
import { createMemoryStore } from './memory-store.ts';

describeStore('memory store', async () => {
  const store = createMemoryStore();
  return { store, dispose: () => store.close() };
});
