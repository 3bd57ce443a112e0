/** The kinds of resource.k8s.io/v1, as far as their rules look. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type { KubeObject } from '../../apimachinery/object.ts';

export interface DeviceSelector {
  cel?: { expression?: string };
}

export interface DeviceConfiguration {
  opaque?: { driver?: string; parameters?: unknown };
}

export interface DeviceToleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

/** What one request and one of its alternatives have in common. */
export interface DeviceAmount {
  deviceClassName?: string;
  selectors?: DeviceSelector[];
  allocationMode?: string;
  count?: number;
  tolerations?: DeviceToleration[];
}

export interface DeviceRequest {
  name?: string;
  exactly?: DeviceAmount;
  firstAvailable?: (DeviceAmount & { name?: string })[];
}

export interface DeviceClaim {
  requests?: DeviceRequest[];
  constraints?: { requests?: string[]; matchAttribute?: string; distinctAttribute?: string }[];
  config?: (DeviceConfiguration & { requests?: string[] })[];
}

export interface AllocationResult {
  devices?: {
    results?: { request?: string; driver?: string; pool?: string; device?: string; tolerations?: DeviceToleration[] }[];
    config?: (DeviceConfiguration & { source?: string; requests?: string[] })[];
  };
  nodeSelector?: core.NodeSelector;
}

export type DeviceClass = KubeObject & {
  spec?: { selectors?: DeviceSelector[]; config?: DeviceConfiguration[]; extendedResourceName?: string };
};

export type ResourceClaim = KubeObject & {
  spec?: { devices?: DeviceClaim };
  status?: {
    allocation?: AllocationResult;
    reservedFor?: { apiGroup?: string; resource?: string; name?: string; uid?: string }[];
    devices?: { driver?: string; pool?: string; device?: string; shareID?: string }[];
  };
};

export type ResourceClaimTemplate = KubeObject & { spec?: { spec?: { devices?: DeviceClaim } } };

export interface Device {
  name?: string;
  attributes?: Record<string, Record<string, unknown>>;
  capacity?: Record<string, unknown>;
  consumesCounters?: { counterSet?: string }[];
  nodeName?: string;
  nodeSelector?: core.NodeSelector;
  allNodes?: boolean;
  taints?: { key?: string; value?: string; effect?: string; timeAdded?: string }[];
}

export type ResourceSlice = KubeObject & {
  spec?: {
    driver?: string;
    pool?: { name?: string; generation?: number; resourceSliceCount?: number };
    nodeName?: string;
    nodeSelector?: core.NodeSelector;
    allNodes?: boolean;
    perDeviceNodeSelection?: boolean;
    devices?: Device[];
    sharedCounters?: { name?: string }[];
  };
};
