/** ResourceInterpreterCustomization: Lua scripts that interpret one kind. */
import type { KubeObject } from '../../../apimachinery/object.ts';

export interface ResourceInterpreterCustomization extends KubeObject {
  spec: {
    target: CustomizationTarget;
    customizations: CustomizationRules;
  };
}

export interface CustomizationTarget {
  apiVersion: string;
  kind: string;
}

export type CustomizationRules = { [Rule in CustomizationRule]?: { luaScript: string } };

export type CustomizationRule =
  | 'retention'
  | 'replicaResource'
  | 'componentResource'
  | 'replicaRevision'
  | 'statusReflection'
  | 'statusAggregation'
  | 'healthInterpretation'
  | 'dependencyInterpretation';
