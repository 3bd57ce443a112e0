/** Fills Secrets of type kubernetes.io/service-account-token, and deletes those whose account is gone. Key: the Secret's. */

import { type DeepReadonly, refKey } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { createServiceAccountTokenSigner } from '../../component/service-account-token.ts';
import { createController } from '../../controller/controller.ts';
import type { Runnable } from '../../controller/manager.ts';
import { secrets, serviceAccounts } from '../../kubernetes/resource-types.ts';
import type { Secret, ServiceAccount } from '../../kubernetes/types.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';

const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';

export function createTokenController(dependencies: ControllerDependencies): Runnable {
  const { client, informers, logger, registry, clock, rootCa, serviceAccountKey } = dependencies;
  if (!serviceAccountKey) throw new Error('the token controller needs the private key of service accounts');
  const signer = createServiceAccountTokenSigner(serviceAccountKey);
  const accountInformer = informers.informer<ServiceAccount>(serviceAccounts);
  const secretInformer = informers.informer<Secret>(secrets, {
    fieldSelector: 'type=kubernetes.io/service-account-token',
  });
  const accounts = client.resource<ServiceAccount>(serviceAccounts);
  const resource = client.resource<Secret>(secrets);
  secretInformer.addIndex('account', (secret) => {
    const name = secret.metadata.annotations?.['kubernetes.io/service-account.name'];
    return name ? [`${secret.metadata.namespace}/${name}`] : [];
  });

  async function reconcile(key: string, signal: AbortSignal): Promise<void> {
    const secret = secretInformer.get(key);
    if (secret === undefined || secret.metadata.deletionTimestamp) return;
    const accountName = secret.metadata.annotations?.[nameAnnotation];
    if (!accountName) return;
    const account = await findAccount(secret, accountName, signal);
    if (account === undefined) return remove(secret, signal);
    await fill(secret, account, signal);
  }

  /** The account the Secret is for, verified with the server before it counts as gone. */
  async function findAccount(
    secret: DeepReadonly<Secret>,
    name: string,
    signal: AbortSignal,
  ): Promise<DeepReadonly<ServiceAccount> | undefined> {
    const ref = { namespace: secret.metadata.namespace ?? '', name };
    const wantedUid = secret.metadata.annotations?.[uidAnnotation];
    const matches = (account: DeepReadonly<ServiceAccount>): boolean =>
      !wantedUid || account.metadata.uid === wantedUid;
    const cached = accountInformer.get(refKey(ref));
    if (cached && matches(cached)) return cached;
    try {
      const live = await accounts.get(ref, { signal });
      return matches(live) ? live : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function fill(
    secret: DeepReadonly<Secret>,
    account: DeepReadonly<ServiceAccount>,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name = '', resourceVersion, uid } = secret.metadata;
    const data: Record<string, string> = {};
    if (!secret.data?.['token']) {
      const serviceAccount = { name: account.metadata.name ?? '', uid: account.metadata.uid ?? '' };
      data['token'] = encode(signer.signLegacy({ namespace, serviceAccount, secretName: name }));
    }
    if (rootCa && secret.data?.['ca.crt'] !== encode(rootCa)) data['ca.crt'] = encode(rootCa);
    if (!secret.data?.['namespace']) data['namespace'] = encode(namespace);
    const hasUid = secret.metadata.annotations?.[uidAnnotation] === account.metadata.uid;
    if (hasUid && Object.keys(data).length === 0) return;
    const metadata = { uid, resourceVersion, annotations: { [uidAnnotation]: account.metadata.uid } };
    try {
      await resource.patch({ namespace, name }, 'merge', { metadata, data }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function remove(secret: DeepReadonly<Secret>, signal: AbortSignal): Promise<void> {
    const { namespace, name = '', uid, resourceVersion } = secret.metadata;
    const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
    try {
      await resource.delete({ namespace, name }, { preconditions, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  const controller = createController({
    name: 'serviceaccount-token-controller',
    reconcile,
    workers: 4,
    maxDelay: 60_000,
    logger,
    registry,
    clock,
  });
  const enqueueSecret = (secret: DeepReadonly<Secret>): void => controller.enqueue(keyOf(secret));
  secretInformer.addHandler({ added: enqueueSecret, updated: enqueueSecret });
  const enqueueSecretsOf = (account: DeepReadonly<ServiceAccount>): void => {
    for (const secret of secretInformer.byIndex('account', keyOf(account))) enqueueSecret(secret);
  };
  accountInformer.addHandler({ added: enqueueSecretsOf, deleted: enqueueSecretsOf });
  return {
    name: controller.name,
    async run(signal) {
      await Promise.all([accountInformer.whenSynced(signal), secretInformer.whenSynced(signal)]);
      await controller.run(signal);
    },
  };
}

const encode = (text: string): string => Buffer.from(text).toString('base64');
const keyOf = ({ metadata }: { metadata: { readonly namespace?: string; readonly name?: string } }): string =>
  refKey({ namespace: metadata.namespace, name: metadata.name ?? '' });
