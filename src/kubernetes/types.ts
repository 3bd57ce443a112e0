/** Static types of the built-in kinds, with metadata, apiVersion and kind always present. */
import type * as apps from 'kubernetes-types/apps/v1.d.ts';
import type * as coordination from 'kubernetes-types/coordination/v1.d.ts';
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type * as discovery from 'kubernetes-types/discovery/v1.d.ts';
import type * as rbac from 'kubernetes-types/rbac/v1.d.ts';
import type { KubeObject } from '../apimachinery/object.ts';

type BuiltIn<T> = KubeObject & Omit<T, 'apiVersion' | 'kind' | 'metadata'>;

export type ConfigMap = BuiltIn<core.ConfigMap>;
export type Endpoints = BuiltIn<core.Endpoints>;
export type CoreEvent = BuiltIn<core.Event>;
export type Namespace = BuiltIn<core.Namespace>;
export type Node = BuiltIn<core.Node>;
export type Pod = BuiltIn<core.Pod>;
export type Secret = BuiltIn<core.Secret>;
export type Service = BuiltIn<core.Service>;
export type ServiceAccount = BuiltIn<core.ServiceAccount>;
export type Deployment = BuiltIn<apps.Deployment>;
export type ReplicaSet = BuiltIn<apps.ReplicaSet>;
export type Lease = BuiltIn<coordination.Lease>;
export type EndpointSlice = BuiltIn<discovery.EndpointSlice>;
export type Role = BuiltIn<rbac.Role>;
export type RoleBinding = BuiltIn<rbac.RoleBinding>;
export type ClusterRole = BuiltIn<rbac.ClusterRole>;
export type ClusterRoleBinding = BuiltIn<rbac.ClusterRoleBinding>;
