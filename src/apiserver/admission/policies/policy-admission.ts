/** Follows admission policies and their bindings, and makes plugins of them. A request that no policy names costs one look into a map. */
import type { Clock } from '../../../apimachinery/clock.ts';
import type { ResourceType } from '../../../apimachinery/group-version.ts';
import type { Client } from '../../../client/client.ts';
import {
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '../../../kubernetes/resource-types.ts';
import type { Authorizer } from '../../authorization/authorizer.ts';
import type { ResourceCatalog } from '../../registry/resource-catalog.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts';
import { createEquivalents } from '../webhooks/webhook-admission.ts';
import { type Invocation, invocationsOf, type Misconfigured } from './invocations.ts';
import { mutateByPolicies } from './mutating-policies.ts';
import { PolicyIndex } from './policy-index.ts';
import { startTypeChecking, type TypeChecking } from './type-checking.ts';
import { validateByPolicies } from './validating-policies.ts';

export interface PolicyAdmission {
  mutating: AdmissionPlugin;
  validating: AdmissionPlugin;
  /** Follows the policies; once their kinds are served. */
  start(client: Client): void;
  stop(): Promise<void>;
}

/** Milliseconds after a write to a policy or binding in which requests wait for the index to have caught up with it. */
const settling = 2000;

export function createPolicyAdmission(catalog: ResourceCatalog, clock: Clock, authorizer: Authorizer): PolicyAdmission {
  const equivalents = createEquivalents(catalog);
  const unfollow: (() => void)[] = [];
  let checking: TypeChecking | undefined;

  const plugin = (
    policies: ResourceType,
    bindings: ResourceType,
    run: (matching: readonly (Invocation | Misconfigured)[], request: AdmissionRequest) => Promise<void>,
  ) => {
    const index = new PolicyIndex();
    let settledAt = 0;
    return {
      handles({ type }: AdmissionRequest): boolean {
        if (type.group === policies.group) {
          if (type.resource === policies.resource || type.resource === bindings.resource)
            settledAt = clock.now() + settling;
          return false;
        }
        return index.candidates(type.resource).length > 0 || settledAt > clock.now();
      },
      async handle(request: AdmissionRequest): Promise<void> {
        // Whoever has seen a policy acknowledged relies on it: the lists are as new as every acknowledged write.
        if (settledAt > clock.now())
          await Promise.all([catalog.reader(policies).list(), catalog.reader(bindings).list()]);
        const candidates = index.candidates(request.type.resource);
        if (candidates.length === 0) return;
        const matching = await invocationsOf(candidates, request, catalog, equivalents);
        if (matching.length > 0) await run(matching, request);
      },
      follow: () => unfollow.push(index.follow(catalog.reader(policies), catalog.reader(bindings))),
    };
  };

  const mutating = plugin(mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings, (matching, request) =>
    mutateByPolicies(matching, request, catalog, authorizer),
  );
  const validating = plugin(validatingAdmissionPolicies, validatingAdmissionPolicyBindings, (matching, request) =>
    validateByPolicies(matching, request, catalog, authorizer),
  );
  return {
    mutating: { name: 'MutatingAdmissionPolicy', handles: mutating.handles, admit: mutating.handle },
    validating: { name: 'ValidatingAdmissionPolicy', handles: validating.handles, validate: validating.handle },
    start(client) {
      mutating.follow();
      validating.follow();
      checking = startTypeChecking(catalog, client, validatingAdmissionPolicies);
    },
    async stop() {
      for (const end of unfollow.splice(0)) end();
      await checking?.stop();
    },
  };
}
