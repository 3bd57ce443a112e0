/** The built-in admission plugins in upstream's order. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import type { Catalog } from '../registry/catalog.ts';
import { createCertificatePlugins } from './certificates.ts';
import { createDefaultIngressClass, createDefaultStorageClass } from './default-classes.ts';
import { defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { createLimitRanger } from './limit-ranger.ts';
import { createNamespaceLifecycle } from './namespace-lifecycle.ts';
import type { AdmissionPlugin } from './plugin.ts';
import type { PolicyAdmission } from './policies/policy-admission.ts';
import { createPriority } from './priority.ts';
import { createResourceQuotaAdmission } from './resource-quota.ts';
import { createServiceAccountAdmission } from './service-account.ts';
import type { WebhookAdmission } from './webhooks/webhook-admission.ts';

/** `disabled`: names of plugins to leave out; throws when a name is unknown. */
export function createAdmissionChain(
  catalog: Catalog,
  clock: Clock,
  webhooks: Pick<WebhookAdmission, 'mutating' | 'validating'>,
  policies: Pick<PolicyAdmission, 'mutating' | 'validating'>,
  authorizer: Authorizer,
  disabled: readonly string[] = [],
): AdmissionPlugin[] {
  const plugins = [
    createNamespaceLifecycle(catalog),
    createLimitRanger(catalog),
    createServiceAccountAdmission(catalog, clock),
    createPriority(catalog),
    defaultTolerationSeconds,
    createDefaultStorageClass(catalog),
    ...createCertificatePlugins(authorizer),
    createDefaultIngressClass(catalog),
    policies.mutating,
    webhooks.mutating,
    policies.validating,
    webhooks.validating,
    createResourceQuotaAdmission(catalog, clock),
  ];
  const unknown = disabled.filter((name) => !plugins.some((plugin) => plugin.name === name) && !absent.has(name));
  if (unknown.length > 0) throw new Error(`unknown admission plugins: ${unknown.join(', ')}`);
  return plugins.filter((plugin) => !disabled.includes(plugin.name));
}

/** Upstream's names for which there is nothing to leave out here. */
const absent = new Set(['StorageObjectInUseProtection', 'NodeRestriction']);
