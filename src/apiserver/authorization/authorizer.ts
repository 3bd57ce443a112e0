import type { UserInfo } from '../authentication/user-info.ts';

/** What is asked: a verb on a resource, or on a non-resource path when `path` is set. Absent parts are empty strings. */
export interface AuthorizationAttributes {
  user: UserInfo;
  /** `get`, `list`, `watch`, `create`, … ; the lower-case HTTP method for paths. */
  verb: string;
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** Empty: cluster-scoped, or across all namespaces. */
  namespace: string;
  name: string;
  /** Set for non-resource requests only. */
  path?: string | undefined;
  fieldSelector?: string | undefined;
  labelSelector?: string | undefined;
}

export interface AuthorizationDecision {
  allowed: boolean;
  /** Empty, or why: `RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "y" to User "u"`. */
  reason: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): AuthorizationDecision | Promise<AuthorizationDecision>;
}
