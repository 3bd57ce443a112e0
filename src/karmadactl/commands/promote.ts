/** `promote`: makes the template of an object that runs in a member, and the policy that leaves it where it is. */
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isAlreadyExists, isNotFound } from '../../apimachinery/status-error.ts';
import { clusterPropagationPolicies, propagationPolicies } from '../../apis/resource-types.ts';
import { type ApiResource, createDiscovery } from '../../client/discovery.ts';
import { flag } from '../../component/flags.ts';
import { policyName } from '../apply/policy.ts';
import { controlPlaneClient, memberClient } from '../clients.ts';
import { defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { controlPlaneName, memberTarget, type Target } from '../member-access.ts';
import { formatObject } from '../printing/objects.ts';
import { createTemplate, type Promotion, quoted, shownRef, templateExists, templateOf } from './promotion.ts';

export const promoteCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    cluster: flag.string('', 'The name of the cluster that the resource runs in.', { shorthand: 'C' }),
    'cluster-kubeconfig': flag.string(
      '',
      'Path of the kubeconfig of that cluster; without one it is reached through the control plane.',
    ),
    'cluster-context': flag.string('', 'Context in that kubeconfig; default is the name of the cluster.'),
    'auto-create-policy': flag.bool(
      true,
      'Automatically create a PropagationPolicy for namespace-scoped resources or a ClusterPropagationPolicy for cluster-scoped resources.',
    ),
    'policy-name': flag.string('', 'The name of the policy that is created; a name is made up if it is not given.'),
    output: flag.string('', 'Print the template and the policy instead of creating them. One of: (json, yaml).', {
      shorthand: 'o',
    }),
    dependencies: flag.bool(false, 'Promote what the resource depends on, too.', { shorthand: 'd' }),
    'dry-run': flag.bool(false, 'Have the servers check everything without creating anything.'),
  },
  async run({ values, args, io, signal }) {
    const [typeName, name, ...more] = args;
    if (typeName === undefined || name === undefined || more.length > 0)
      throw new Error('incorrect command format, please use correct command format');
    if (values.cluster === '') throw new Error('the cluster cannot be empty');
    const { output } = values;
    if (output !== '' && output !== 'json' && output !== 'yaml')
      throw new Error('invalid output format: supported formats are json and yaml');
    const controlPlane: Target = { ...controlPlaneClient(values), name: controlPlaneName };
    const member = await openMember(controlPlane, values, signal);
    const namespace = values.namespace || controlPlane.namespace;
    const { type, object } = await readMember(member, typeName, name, namespace, signal);
    const promotion: Promotion = { controlPlane, member, dryRun: values['dry-run'], io, signal };
    // With -o nothing is written.
    if (values.dependencies && output === '') {
      const { promoteDependencies } = await import('./promote-dependencies.ts');
      await promoteDependencies(promotion, object);
    }
    const template = templateOf(object);
    const where = { namespace: type.namespaced ? namespace : undefined, cluster: values.cluster };
    const policy = policyOf(template, where, values['policy-name'], values.dependencies);
    if (output !== '') {
      io.stdout(await formatObject(template, output));
      if (values['auto-create-policy'])
        io.stdout((output === 'yaml' ? '---\n' : '') + (await formatObject(policy, output)));
      return;
    }
    if (await templateExists(promotion, type, template)) {
      io.stderr(
        `Resource ${quoted(type)}(${shownRef(template)}) already exist in karmada control plane, you can edit PropagationPolicy and OverridePolicy to propagate it\n`,
      );
      return;
    }
    const dry = promotion.dryRun ? ' (server dry run)' : '';
    await createTemplate(promotion, type, template);
    io.stdout(`ResourceTemplate (${namespace}/${name}) is created successfully${dry}\n`);
    if (values['auto-create-policy'])
      io.stdout(`${await createPolicy(promotion, policy)} is created successfully${dry}\n`);
    io.stdout(`Resource ${quoted(type)}(${shownRef(template)}) is promoted successfully${dry}\n`);
  },
});

interface MemberFlags {
  readonly cluster: string;
  readonly 'cluster-kubeconfig': string;
  readonly 'cluster-context': string;
}

async function openMember(controlPlane: Target, values: MemberFlags, signal: AbortSignal): Promise<Target> {
  const { cluster, 'cluster-kubeconfig': kubeconfig, 'cluster-context': context } = values;
  if (kubeconfig === '') return memberTarget(controlPlane, cluster, signal);
  const what = `failed to get the config of cluster(${cluster})`;
  return { ...memberClient(kubeconfig, context || cluster, what), name: cluster };
}

async function readMember(
  { client, name: cluster }: Target,
  typeName: string,
  name: string,
  namespace: string,
  signal: AbortSignal,
): Promise<{ type: ApiResource; object: Unstructured }> {
  const missing = `failed to get resource in cluster(${cluster}). err: the ${typeName} or ${name} don't exist in cluster(${cluster})`;
  const type = await createDiscovery(client).find(typeName, signal);
  if (type === undefined) throw new Error(missing);
  try {
    const ref = type.namespaced ? { namespace, name } : { name };
    return { type, object: await client.resource<Unstructured>(type).get(ref, { signal }) };
  } catch (error) {
    if (isNotFound(error)) throw new Error(missing, { cause: error });
    throw error;
  }
}

async function createPolicy({ controlPlane, dryRun, signal }: Promotion, policy: Unstructured): Promise<string> {
  const { namespace, name = '' } = policy.metadata;
  const type = namespace === undefined ? clusterPropagationPolicies : propagationPolicies;
  const shown = namespace === undefined ? name : `${namespace}/${name}`;
  try {
    await controlPlane.client.resource<Unstructured>(type).create(policy, { dryRun, signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    throw new Error(`the ${type.kind}(${shown}) already exist, please edit it to propagate resource`, { cause: error });
  }
  return namespace === undefined ? `${type.kind} ${shown}` : `${type.kind} (${shown})`;
}

function policyOf(
  template: Unstructured,
  { namespace, cluster }: { namespace: string | undefined; cluster: string },
  name: string,
  propagateDeps: boolean,
): Unstructured {
  const { apiVersion, kind, metadata } = template;
  const type = namespace === undefined ? clusterPropagationPolicies : propagationPolicies;
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name: name || policyName(namespace ?? '', template, metadata.name ?? ''),
      ...(namespace === undefined ? {} : { namespace }),
    },
    spec: {
      conflictResolution: 'Overwrite',
      placement: { clusterAffinity: { clusterNames: [cluster] } },
      preserveResourcesOnDeletion: true,
      propagateDeps,
      resourceSelectors: [{ apiVersion, kind, name: metadata.name }],
    },
  } as Unstructured;
}
