/** The flags of encryption at rest, under kube-apiserver's names. */
import { type FlagValues, flag } from '../../component/flags.ts';
import type { Logger } from '../../component/logging.ts';
import { waitForContent } from '../../component/wait-for-content.ts';
import type { Store } from '../../storage/store.ts';
import { parseEncryptionConfiguration } from './configuration.ts';
import { createEncryptedStore } from './encrypted-store.ts';
import { followEncryptionFile } from './reload.ts';

export const encryptionFlags = {
  'encryption-provider-config': flag.string(
    '',
    'The file containing configuration for encryption providers to be used for storing secrets in the store.',
  ),
  'encryption-provider-config-automatic-reload': flag.bool(
    false,
    'Take up the file set by --encryption-provider-config when it changes, without a restart.',
  ),
};

/** The store as it is to be used with these flags. Throws when the file is not valid. */
export async function encryptStore(
  store: Store,
  flags: FlagValues<typeof encryptionFlags>,
  options: { logger: Logger; signal: AbortSignal },
): Promise<Store> {
  const path = flags['encryption-provider-config'];
  const reload = flags['encryption-provider-config-automatic-reload'];
  if (path === '') {
    if (reload)
      throw new Error(
        '"--encryption-provider-config-automatic-reload" must be set only when "--encryption-provider-config" is set',
      );
    return store;
  }
  const text = await waitForContent(`--encryption-provider-config ${path}`, path, options);
  const encrypted = createEncryptedStore(store, parseEncryptionConfiguration(text));
  if (reload) void followEncryptionFile({ path, text, store: encrypted, ...options });
  return encrypted;
}
