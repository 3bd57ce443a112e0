/** The files of volumes that come from the API server: ConfigMaps, Secrets, the pod's own fields, tokens of its account. */
import type { Clock } from '../../apimachinery/clock.ts';
import { resourcePath } from '../../apimachinery/group-version.ts';
import type { Client } from '../../client/client.ts';
import { serviceAccounts } from '../../kubernetes/resource-types.ts';
import { downwardValue, type PodFacts } from './pod-facts.ts';
import type { Content, ReferenceReader } from './references.ts';
import type { ReadablePod } from './runtime.ts';

export type Volume = NonNullable<NonNullable<ReadablePod['spec']>['volumes']>[number];
/** A ConfigMap or Secret as a volume or a source of one names it. */
interface Reference {
  readonly kind: 'configmap' | 'secret';
  readonly name: string | undefined;
  readonly items?: readonly { readonly key: string; readonly path: string }[] | undefined;
  readonly optional?: boolean | undefined;
}
type Named = Omit<Reference, 'kind' | 'name'> & { readonly name?: string; readonly secretName?: string };

/** A volume cannot be set up (yet): `MountVolume.SetUp failed for volume "x" : why`. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  constructor(volume: string, why: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`);
  }
}

export interface VolumeContents {
  /** undefined: the volume has no content from the API server. Throws VolumeError and ConfigError. */
  read(pod: ReadablePod, volume: Volume, facts: PodFacts): Promise<Content | undefined>;
  forget(uid: string): void;
}

export interface VolumeContentOptions {
  client: Client;
  references: ReferenceReader;
  clock: Clock;
}

export function createVolumeContents({ client, references, clock }: VolumeContentOptions): VolumeContents {
  /** Tokens by pod uid, audience and lifetime. */
  const tokens = new Map<string, Map<string, { token: Buffer; renewAt: number }>>();

  async function token(pod: ReadablePod, audience: string | undefined, expirationSeconds: number): Promise<Buffer> {
    const uid = pod.metadata.uid ?? '';
    const ofPod = tokens.get(uid) ?? new Map<string, { token: Buffer; renewAt: number }>();
    tokens.set(uid, ofPod);
    const key = `${audience ?? ''} ${expirationSeconds}`;
    const known = ofPod.get(key);
    if (known !== undefined && known.renewAt > clock.now()) return known.token;
    const ref = { namespace: pod.metadata.namespace, name: pod.spec?.serviceAccountName ?? 'default' };
    const answer = await client.request<{ status: { token: string } }>(
      'POST',
      resourcePath(serviceAccounts, ref, 'token'),
      {
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            expirationSeconds,
            ...(audience === undefined ? {} : { audiences: [audience] }),
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid },
          },
        },
      },
    );
    const fresh = { token: Buffer.from(answer.status.token), renewAt: clock.now() + expirationSeconds * 800 };
    ofPod.set(key, fresh);
    return fresh.token;
  }

  async function projected(pod: ReadablePod, volume: Volume, facts: PodFacts): Promise<Content> {
    const files = new Map<string, Buffer>();
    const merge = (from: Content): void => {
      for (const [path, content] of from) files.set(path, content);
    };
    for (const source of volume.projected?.sources ?? []) {
      const reference = referenceOf(source.configMap, source.secret);
      if (reference !== undefined) merge(await referenced(pod, volume, reference));
      merge(downward(pod, source.downwardAPI?.items, facts));
      if (source.serviceAccountToken !== undefined) {
        const { path, audience, expirationSeconds } = source.serviceAccountToken;
        files.set(path, await token(pod, audience, expirationSeconds ?? 3600));
      }
    }
    return files;
  }

  async function referenced(
    pod: ReadablePod,
    volume: Volume,
    { kind, name, items, optional }: Reference,
  ): Promise<Content> {
    const namespace = pod.metadata.namespace ?? '';
    const content = await (kind === 'secret'
      ? references.secret(namespace, name ?? '')
      : references.configMap(namespace, name ?? ''));
    if (content === undefined) {
      if (optional === true) return new Map();
      throw new VolumeError(volume.name, `${kind} "${name}" not found`);
    }
    if (items === undefined || items.length === 0) return content;
    const chosen = new Map<string, Buffer>();
    for (const { key, path } of items) {
      const value = content.get(key);
      if (value !== undefined) chosen.set(path, value);
      else if (optional !== true) throw new VolumeError(volume.name, `references non-existent ${kind} key: ${key}`);
    }
    return chosen;
  }

  return {
    async read(pod, volume, facts) {
      const reference = referenceOf(volume.configMap, volume.secret);
      if (reference !== undefined) return referenced(pod, volume, reference);
      if (volume.projected !== undefined) return projected(pod, volume, facts);
      if (volume.downwardAPI !== undefined) return downward(pod, volume.downwardAPI.items, facts);
      return undefined;
    },
    forget: (uid) => void tokens.delete(uid),
  };
}

function referenceOf(configMap: Named | undefined, secret: Named | undefined): Reference | undefined {
  const from = configMap ?? secret;
  if (from === undefined) return undefined;
  const kind = configMap !== undefined ? 'configmap' : 'secret';
  return { kind, name: from.secretName ?? from.name, items: from.items, optional: from.optional };
}

type DownwardItems = NonNullable<Volume['downwardAPI']>['items'];

function downward(pod: ReadablePod, items: DownwardItems, facts: PodFacts): Content {
  return new Map((items ?? []).map((item) => [item.path, Buffer.from(downwardValue(pod, item, facts))]));
}
