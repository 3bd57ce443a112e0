/**
 * Renews the certificate by which an agent is known to the control plane before it runs out, in the Secret that the agent's
 * kubeconfig is mounted from. The connection reads the mounted file again by itself.
 */
import { X509Certificate } from 'node:crypto';
import { parse, stringify } from 'yaml';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import type { Client } from '../../client/client.ts';
import { parseKubeconfig } from '../../client/kubeconfig/kubeconfig.ts';
import { describeError, type Logger, silentLogger } from '../../component/logging.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import { requestCertificate } from './request-certificate.ts';

export interface CertificateRotationOptions {
  controlPlane: Client;
  member: Client;
  /** Where the kubeconfig is kept in the member. */
  secretNamespace: string;
  intervalMs: number;
  /** Renewed when this part of the certificate's lifetime, or less, is left. */
  remainingThreshold: number;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

/** The Secret, and its key, that hold the agent's kubeconfig for the control plane. */
export const agentKubeconfigSecret = 'karmada-kubeconfig';
const requestTimeoutMs = 5 * 60_000;

export function createCertificateRotation(options: CertificateRotationOptions): {
  run(signal: AbortSignal): Promise<void>;
} {
  const { intervalMs, logger = silentLogger, clock = systemClock } = options;
  return {
    async run(signal) {
      while (!signal.aborted) {
        try {
          if (await rotate(options, signal)) logger.info('Renewed the certificate of this agent');
        } catch (error) {
          if (signal.aborted) return;
          logger.warn('Could not renew the certificate of this agent', { err: describeError(error) });
        }
        await clock.sleep(intervalMs, signal).catch(() => {});
      }
    },
  };
}

/** Whether it was due, and renewed. Throws when the Secret holds no kubeconfig with a client certificate. */
export async function rotate(options: CertificateRotationOptions, signal?: AbortSignal): Promise<boolean> {
  const { controlPlane, member, secretNamespace: namespace, remainingThreshold, clock = systemClock } = options;
  const resource = member.resource<Secret>(secrets);
  const secret = await resource.get({ namespace, name: agentKubeconfigSecret }, { signal });
  const text = Buffer.from(secret.data?.[agentKubeconfigSecret] ?? '', 'base64').toString();
  const where = `Secret ${namespace}/${agentKubeconfigSecret}`;
  const config = parseKubeconfig(parse(text), where);
  const context = config.contexts.find(({ name }) => name === config['current-context'])?.context;
  const user = config.users.find(({ name }) => name === context?.user);
  const data = user?.user['client-certificate-data'];
  if (user === undefined || data === undefined) throw new Error(`the kubeconfig in ${where} has no client certificate`);

  const certificate = new X509Certificate(Buffer.from(data, 'base64'));
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  if ((to - clock.now()) / (to - from) > remainingThreshold) return false;
  const subject = subjectOf(certificate);
  const renewed = await requestCertificate(controlPlane, {
    namePrefix: `${user.name}-`,
    ...subject,
    expirationSeconds: Math.round((to - from) / 1000),
    timeoutMs: requestTimeoutMs,
    signal,
    clock,
  });
  user.user['client-certificate-data'] = Buffer.from(renewed.cert).toString('base64');
  user.user['client-key-data'] = Buffer.from(renewed.key).toString('base64');
  const content = Buffer.from(stringify(config)).toString('base64');
  await resource.update({ ...secret, data: { ...secret.data, [agentKubeconfigSecret]: content } }, { signal });
  return true;
}

function subjectOf({ subject }: X509Certificate): { commonName: string; organizations: string[] } {
  const values = (key: string): string[] =>
    subject
      .split('\n')
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) => line.slice(key.length + 1));
  return { commonName: values('CN')[0] ?? '', organizations: values('O') };
}
