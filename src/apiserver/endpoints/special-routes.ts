/** What is served beside the registry: documents under fixed paths, and kinds that are computed and never stored. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';

/** A non-resource path: discovery, OpenAPI, health, metrics. Authorized as a path before `handle` is called. */
export interface Route {
  /** Asked with the decoded path, without the query. */
  handles(path: string): boolean;
  handle(request: ApiRequest, user: UserInfo): Promise<ApiResponse>;
}

export interface VirtualRequest {
  user: UserInfo;
  /** Empty for cluster-scoped kinds. */
  namespace: string;
  dryRun: boolean;
}

/** A kind that can only be created, and whose reply is computed: TokenReview, the SubjectAccessReviews, Binding. */
export interface VirtualResource {
  type: ResourceType;
  singular: string;
  schema: Schema;
  /** Returns the object to answer with, as 201. */
  create(object: Unstructured, request: VirtualRequest): Promise<Unstructured> | Unstructured;
}
