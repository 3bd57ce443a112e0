/** agent-csr-approving-controller: approves the client certificates of agents, for those who hold the right. */
import type { Runnable } from '../../controller/manager.ts';
import { createApprovingController } from '../../kube-controllers/certificate-signing/approving-controller.ts';
import { agentGroup, agentSigner, agentUsages, isAgentUser } from './agent-identity.ts';

export function createAgentCsrApprovingController(
  dependencies: Parameters<typeof createApprovingController>[0],
): Runnable {
  return createApprovingController(dependencies, {
    name: 'agent-csr-approving-controller',
    signerName: agentSigner,
    accepts: ({ commonName, organizations, dnsNames, ipAddresses, emails, uris }, usages) =>
      organizations.length === 1 &&
      organizations[0] === agentGroup &&
      isAgentUser(commonName) &&
      dnsNames.length + ipAddresses.length + emails.length + uris.length === 0 &&
      // Key encipherment is of no use for keys other than RSA: with or without.
      [...new Set([...usages, 'key encipherment'])].sort().join() === [...agentUsages].sort().join(),
    rights: [
      {
        subresource: 'selfclusteragent',
        self: true,
        message: 'Auto approving self karmada agent certificate after SubjectAccessReview.',
      },
      {
        subresource: 'clusteragent',
        self: false,
        message: 'Auto approving karmada agent certificate after SubjectAccessReview.',
      },
    ],
  });
}
