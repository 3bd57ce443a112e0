/** Types that several Karmada groups embed. */

export type { LabelSelector, LabelSelectorRequirement } from '../apimachinery/label-selector.ts';

export interface Toleration {
  key?: string;
  /** Empty means Equal. */
  operator?: string;
  value?: string;
  /** Empty means every effect. */
  effect?: string;
  /** Absent: forever; not positive: evicted at once. */
  tolerationSeconds?: number;
}

/** Quantities in their text form, or integers. */
export type ResourceList = Record<string, string | number>;

export interface LocalSecretReference {
  namespace: string;
  name: string;
}

export type ResourceHealth = 'Healthy' | 'Unhealthy' | 'Unknown';
