/** Members as seen through the control plane: no kubeconfig of theirs is needed, the caller's own credentials count. */
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../apis/resource-types.ts';
import { type Client, createClient } from '../client/client.ts';
import type { ConnectedClient } from '../client/connect.ts';
import type { Connection } from '../client/connection.ts';
import { createTransport } from '../client/http-transport.ts';
import { type Flag, flag } from '../component/flags.ts';
import { clientOptions, controlPlaneClient, type KarmadaFlagValues } from './clients.ts';

export type OperationScope = 'karmada' | 'members' | 'all';

const scopes: readonly string[] = ['karmada', 'members', 'all'];

export const operationScopeFlag: Flag<OperationScope> = {
  type: 'operationScope',
  usage: 'Used to control the operation scope of the command. The optional values are karmada, members, and all.',
  defaultValue: 'karmada',
  shorthand: 's',
  parse(text) {
    if (!scopes.includes(text)) throw new Error(`not support OperationScope: ${text}`);
    return text as OperationScope;
  },
  format: (value) => value,
};

/** Commands that act on one server: the control plane or one member. */
export const singleScopeFlag: Flag<OperationScope> = {
  ...operationScopeFlag,
  usage: 'Used to control the operation scope of the command. The optional values are karmada and members.',
};

export const singleScopeFlags = {
  'operation-scope': singleScopeFlag,
  cluster: flag.string(
    '',
    'Used to specify a target member cluster and only takes effect with --operation-scope=members.',
  ),
};

/** A server that a command acts on. */
export interface Target extends ConnectedClient {
  /** `Karmada` for the control plane. */
  name: string;
}

export const controlPlaneName = 'Karmada';

export function memberConnection(controlPlane: Connection, cluster: string): Connection {
  const server = controlPlane.server.replace(/\/$/, '');
  const path = `/apis/${clusters.group}/${clusters.version}/clusters/${encodeURIComponent(cluster)}/proxy`;
  return { ...controlPlane, server: server + path };
}

/** Nothing is sent: the cluster must be known to exist. */
export function openMember(controlPlane: ConnectedClient, cluster: string): Target {
  const connection = memberConnection(controlPlane.connection, cluster);
  return {
    ...controlPlane,
    name: cluster,
    connection,
    client: createClient(createTransport(connection, clientOptions)),
  };
}

/** Throws NotFound when there is no such Cluster. */
export async function memberTarget(
  controlPlane: ConnectedClient,
  cluster: string,
  signal: AbortSignal,
): Promise<Target> {
  await controlPlane.client.resource<Cluster>(clusters).get({ name: cluster }, { signal });
  return openMember(controlPlane, cluster);
}

interface SingleScopeValues extends KarmadaFlagValues {
  readonly 'operation-scope': OperationScope;
  readonly cluster: string;
}

/** The control plane, or the one member that is named. */
export async function singleTarget(values: SingleScopeValues, signal: AbortSignal): Promise<Target> {
  const scope = values['operation-scope'];
  if (scope === 'all') throw new Error('not support operation scope: all');
  if (scope === 'members' && values.cluster === '') throw new Error('must specify a member cluster');
  const controlPlane = controlPlaneClient(values);
  return scope === 'karmada'
    ? { ...controlPlane, name: controlPlaneName }
    : memberTarget(controlPlane, values.cluster, signal);
}

/** Clusters by name; none named means all that are registered. Throws when one does not exist. */
export async function selectMembers(client: Client, named: readonly string[], signal: AbortSignal): Promise<string[]> {
  const { items } = await client.resource<Cluster>(clusters).list({ signal });
  const known = items.map(({ metadata }) => metadata.name ?? '');
  const unknown = named.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`clusters don't exist: ${unknown.join(',')}`);
  return named.length === 0 ? known : [...new Set(named)];
}
