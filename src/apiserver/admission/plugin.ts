/** What an admission plugin sees and may do. Karmada's own rules and the built-in chain are plugins of this form. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { UserInfo } from '../authentication/user-info.ts';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionRequest {
  operation: AdmissionOperation;
  type: ResourceType;
  /** Of the object, where a subresource has a kind of its own: Eviction, PodExecOptions. */
  kind?: { group: string; version: string; kind: string };
  subresource: string;
  namespace: string;
  /** Empty on create with generateName. */
  name: string;
  user: UserInfo;
  dryRun: boolean;
  /** May be changed in place by `admit`; undefined on DELETE. */
  object: Unstructured | undefined;
  /** The stored object on UPDATE and DELETE. */
  oldObject: DeepReadonly<Unstructured> | undefined;
  /** Adds a Warning header to the reply. */
  warn(message: string): void;
  /** Adds a fact to the audit log, where there is one. */
  annotate?: ((key: string, value: string) => void) | undefined;
}

export interface AdmissionPlugin {
  name: string;
  handles(request: AdmissionRequest): boolean;
  /** Its `admit` only refuses: what it has seen need not be looked at again. */
  keepsObject?: true;
  /** Mutating phase. Throws a StatusError to refuse. */
  admit?(request: AdmissionRequest): Promise<void> | void;
  /** Validating phase, after validation of the kind. Throws a StatusError to refuse. */
  validate?(request: AdmissionRequest): Promise<void> | void;
}
