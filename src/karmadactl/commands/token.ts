/** `token create | list | delete`: bootstrap tokens, with which pull clusters register. */
import { randomInt } from 'node:crypto';
import { formatTime, systemClock } from '../../apimachinery/clock.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { loadKubeconfig } from '../../client/kubeconfig/load.ts';
import { defaultTokenGroup } from '../../clusters/agent/bootstrap-objects.ts';
import { publicKeyHash } from '../../clusters/agent/discover-control-plane.ts';
import {
  bootstrapSecretName,
  bootstrapTokenNamespace,
  bootstrapTokenType,
  parseBootstrapSecret,
  splitBootstrapToken,
} from '../../component/bootstrap-token.ts';
import { flag } from '../../component/flags.ts';
import { humanDuration } from '../../kubernetes/printing/human-duration.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags } from '../command.ts';
import { formatColumns } from '../printing/columns.ts';

const createFlags = {
  ttl: flag.duration(24 * 3_600_000, 'How long the token is good for (1s, 2m, 3h). 0: it never expires.'),
  usages: flag.list(['signing', 'authentication'], 'What the token may be used for: signing, authentication.'),
  groups: flag.list([defaultTokenGroup], 'Groups that the token gives, each beginning with system:bootstrappers:.'),
  description: flag.string('', 'What the token is for, for people.'),
  'print-register-command': flag.bool(false, "Print the full 'karmadactl register' command instead of the token."),
};

export const tokenCreateCommand = defineCommand({
  flags: { ...karmadaFlags, ...createFlags },
  async run({ values, args, io, signal, executable }) {
    if (args.length > 0) throw new Error(`unknown command "${args[0]}" for "${executable} token create"`);
    await create(values, io, executable, signal);
  },
});

export const tokenListCommand = defineCommand({
  flags: karmadaFlags,
  run: ({ values, io, signal }) => list(controlPlaneClient(values).client, io, signal),
});

export const tokenDeleteCommand = defineCommand({
  flags: karmadaFlags,
  run: ({ values, args, io, signal }) => remove(controlPlaneClient(values).client, args, io, signal),
});

type CreateValues = Parameters<typeof controlPlaneClient>[0] & {
  readonly ttl: number;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
  readonly description: string;
  readonly 'print-register-command': boolean;
};

const knownUsages = ['signing', 'authentication'];

async function create(values: CreateValues, io: CommandIo, executable: string, signal: AbortSignal): Promise<void> {
  const unknown = values.usages.filter((usage) => !knownUsages.includes(usage));
  if (unknown.length > 0)
    throw new Error(
      `invalid bootstrap token usage string: ${unknown.join(',')}, valid usage options: ${knownUsages.join(', ')}`,
    );
  const wrong = values.groups.find((group) => !/^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group));
  if (wrong !== undefined)
    throw new Error(
      `bootstrap token group ${JSON.stringify(wrong)} is invalid: it must begin with system:bootstrappers: and end with a letter or digit`,
    );
  if (values.ttl < 0) throw new Error('--ttl must not be negative');
  const { client } = controlPlaneClient(values);
  const command = values['print-register-command'] ? registerCommand(values, executable) : undefined;
  const [id, secret] = [randomText(6), randomText(16)];
  const data: Record<string, string> = { 'token-id': id, 'token-secret': secret };
  if (values.description !== '') data['description'] = values.description;
  if (values.ttl > 0) data['expiration'] = formatTime(systemClock.now() + values.ttl);
  for (const usage of values.usages) data[`usage-bootstrap-${usage}`] = 'true';
  if (values.groups.length > 0) data['auth-extra-groups'] = values.groups.join(',');
  await client.resource<Secret>(secrets).create(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: bootstrapSecretName(id), namespace: bootstrapTokenNamespace },
      type: bootstrapTokenType,
      data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
    },
    { signal },
  );
  io.stdout(`${command === undefined ? `${id}.${secret}` : command(`${id}.${secret}`)}\n`);
}

/** Throws when the kubeconfig does not say where the control plane is and who signs for it. */
function registerCommand(values: CreateValues, executable: string): (token: string) => string {
  const config = loadKubeconfig(values.kubeconfig);
  const contextName = values['karmada-context'] || config['current-context'];
  const context = config.contexts.find(({ name }) => name === contextName)?.context;
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
  const data = cluster?.['certificate-authority-data'];
  if (cluster?.server === undefined)
    throw new Error(`the kubeconfig has no server for context ${JSON.stringify(contextName)}`);
  if (!data)
    throw new Error(`the kubeconfig has no certificate-authority-data for context ${JSON.stringify(contextName)}`);
  const pem = Buffer.from(data, 'base64').toString();
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const hashes = certificates.map(publicKeyHash).join(',');
  const endpoint = cluster.server.replace(/^https:\/\//, '');
  return (token) => `${executable} register ${endpoint} --token ${token} --discovery-token-ca-cert-hash ${hashes}`;
}

async function list(client: Client, io: CommandIo, signal: AbortSignal): Promise<void> {
  const { items } = await client
    .resource<Secret>(secrets)
    .list({ namespace: bootstrapTokenNamespace, fieldSelector: `type=${bootstrapTokenType}`, signal });
  const now = systemClock.now();
  const rows = items.flatMap((stored) => {
    const token = parseBootstrapSecret(stored);
    if (token === undefined) {
      io.stderr(`warning: Secret ${stored.metadata.name} holds no bootstrap token\n`);
      return [];
    }
    const usages = [...(token.authentication ? ['authentication'] : []), ...(token.signing ? ['signing'] : [])];
    const description = Buffer.from(stored.data?.['description'] ?? '', 'base64').toString();
    const expiration = Buffer.from(stored.data?.['expiration'] ?? '', 'base64').toString();
    const orNone = (text: string) => (text === '' ? '<none>' : text);
    return [
      [
        `${token.id}.${token.secret}`,
        token.expiresAt === undefined
          ? '<forever>'
          : token.expiresAt <= now
            ? '<invalid>'
            : humanDuration(token.expiresAt - now),
        token.expiresAt === undefined ? '<never>' : expiration,
        orNone(usages.join(',')),
        orNone(description),
        orNone(token.extraGroups),
      ],
    ];
  });
  if (rows.length === 0) return;
  io.stdout(formatColumns({ headers: ['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'], rows }));
}

async function remove(client: Client, given: readonly string[], io: CommandIo, signal: AbortSignal): Promise<void> {
  const pattern = '"\\\\A([a-z0-9]{6})\\\\z"';
  if (given.length === 0) throw new Error(`missing subcommand; 'token delete' is missing token of form ${pattern}`);
  for (const text of given) {
    const id = splitBootstrapToken(text)?.id ?? (/^[a-z0-9]{6}$/.test(text) ? text : undefined);
    if (id === undefined) throw new Error(`given token didn't match pattern ${pattern} or ${pattern}`);
    const name = bootstrapSecretName(id);
    try {
      await client.resource(secrets).delete({ namespace: bootstrapTokenNamespace, name }, { signal });
    } catch (error) {
      if (isNotFound(error))
        throw new Error(`failed to delete secret "${name}", err: secrets "${name}" not found`, { cause: error });
      throw error;
    }
    io.stdout(`bootstrap token "${id}" deleted\n`);
  }
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

const randomText = (length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
