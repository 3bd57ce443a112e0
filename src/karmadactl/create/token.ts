/** create token. */
import type { Unstructured } from '../../apimachinery/object.ts';
import { formatDuration } from '../../component/duration.ts';
import { type FlagValues, flag } from '../../component/flags.ts';
import { serviceAccounts } from '../../kubernetes/resource-types.ts';
import { controlPlaneClient } from '../clients.ts';
import { defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { objectPrinter, printFlags } from '../printing/objects.ts';
import { eachFlag, nameOf } from './create-flags.ts';

/** Kinds that a token may be bound to. */
const boundKinds = ['Node', 'Pod', 'Secret'];

const flags = {
  ...karmadaFlags,
  ...namespaceFlag,
  ...printFlags,
  audience: eachFlag('Audience of the requested token. May be repeated. Default: that of the API server.'),
  duration: flag.duration(0, 'Requested lifetime of the issued token. If not set, the server decides.'),
  'bound-object-kind': flag.string(
    '',
    `Kind of an object to bind the token to. Supported kinds are ${boundKinds.join(', ')}. If set, --bound-object-name must be provided.`,
  ),
  'bound-object-name': flag.string(
    '',
    'Name of an object to bind the token to. The token will expire when the object is deleted. Requires --bound-object-kind.',
  ),
  'bound-object-uid': flag.string(
    '',
    'UID of an object to bind the token to. Requires --bound-object-kind and --bound-object-name. If unset, the UID of the existing object is used.',
  ),
};

export const createToken = defineCommand({
  flags,
  async run({ values, args, io, signal }) {
    const name = nameOf(args);
    if (values.duration % 1000 !== 0)
      throw new Error(`duration ${formatDuration(values.duration)} must be whole seconds`);
    const boundObjectRef = boundObject(values);
    const print = await objectPrinter(values);
    const connected = controlPlaneClient(values);
    const spec = {
      ...(values.audience.length > 0 ? { audiences: values.audience } : {}),
      ...(values.duration > 0 ? { expirationSeconds: values.duration / 1000 } : {}),
      ...(boundObjectRef === undefined ? {} : { boundObjectRef }),
    };
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { namespace: values.namespace || connected.namespace, name },
      spec,
    };
    const made = await connected.client
      .resource<Unstructured>(serviceAccounts)
      .create(request, { subresource: 'token', signal });
    if (print !== undefined) return io.stdout(await print([{ type: serviceAccounts, object: made }], true));
    io.stdout(`${(made['status'] as { token?: string } | undefined)?.token ?? ''}\n`);
  },
});

/** @throws with kubectl's texts */
function boundObject(values: FlagValues<typeof flags>): Record<string, string> | undefined {
  const { 'bound-object-kind': kind, 'bound-object-name': name, 'bound-object-uid': uid } = values;
  if (kind === '') {
    if (name !== '') throw new Error('--bound-object-name can only be set if --bound-object-kind is provided');
    if (uid !== '') throw new Error('--bound-object-uid can only be set if --bound-object-kind is provided');
    return undefined;
  }
  if (!boundKinds.includes(kind)) throw new Error(`supported --bound-object-kind values are ${boundKinds.join(', ')}`);
  if (name === '') throw new Error('--bound-object-name is required if --bound-object-kind is provided');
  return { apiVersion: 'v1', kind, name, ...(uid === '' ? {} : { uid }) };
}
