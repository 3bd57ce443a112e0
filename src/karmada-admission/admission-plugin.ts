/** Karmada's admission inside our API server: what `karmada-webhook` does for somebody else's, without a round trip. */
import { groupResource } from '../apimachinery/group-version.ts';
import { findTypeError } from '../apimachinery/schema/type-check.ts';
import { StatusError } from '../apimachinery/status-error.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../apiserver/admission/plugin.ts';
import { deletionProtection } from './deletion-protection.ts';
import { denied, undecodable } from './denial.ts';
import { deletionProtectionWebhook, type KindRules, type KindRulesOptions, karmadaKindRules } from './kind-rules.ts';

/** The plugin for a Karmada control plane. */
export function createKarmadaAdmissionPlugin(options: KindRulesOptions): AdmissionPlugin {
  const rules = new Map(karmadaKindRules(options).map((kind) => [groupResource(kind.type), kind]));
  const rulesOf = (request: AdmissionRequest): KindRules | undefined => rules.get(groupResource(request.type));
  return {
    name: 'Karmada',
    handles: (request) =>
      request.subresource === '' && (request.operation === 'DELETE' || rulesOf(request) !== undefined),
    admit(request) {
      const { operation, object, namespace } = request;
      if ((operation !== 'CREATE' && operation !== 'UPDATE') || object === undefined) return;
      const kind = rulesOf(request);
      if (kind?.mutate === undefined || kind.mutateOn?.includes(operation) === false) return;
      // Values of a wrong type are left to the schema, which refuses them with their paths.
      if (findTypeError(object, kind.schema) !== undefined) return;
      try {
        kind.mutate(object, { operation, namespace });
      } catch (error) {
        throw error instanceof StatusError ? undecodable(kind.webhook, error.message) : error;
      }
    },
    async validate(request) {
      if (request.operation === 'DELETE') {
        const why = request.oldObject === undefined ? undefined : deletionProtection(request.oldObject);
        if (why !== undefined) throw denied(deletionProtectionWebhook, [why]);
        return;
      }
      const kind = rulesOf(request);
      if (kind === undefined || request.object === undefined) return;
      const findings = (await kind.validate?.(request.object, request.oldObject)) ?? [];
      if (findings.length > 0) throw denied(kind.webhook, findings);
    },
  };
}
