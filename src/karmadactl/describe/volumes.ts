/** Where volumes come from, in pods and in PersistentVolumes. */

import { type ClaimTemplate, claimFields } from './claims.ts';
import type { Page } from './page.ts';
import { listText, longestLine, quantityText, shortened, sortedKeys } from './texts.ts';

type Source = { readonly [field: string]: unknown };
/** The label as written, the field, and what stands for an absent one. */
type Row = readonly [label: string, field: string, absent?: string];

interface SourceKind {
  readonly type: string;
  readonly rows: readonly Row[];
}

const fsType: Row = ['FSType:', 'fsType'];
const readOnly: Row = ['ReadOnly:', 'readOnly', 'false'];
const secretRef: Row = ['SecretRef:', 'secretRef', 'nil'];
const optional: Row = ['Optional:', 'optional', 'false'];

const kinds: Readonly<Record<string, SourceKind>> = {
  hostPath: {
    type: 'HostPath (bare host directory volume)',
    rows: [
      ['Path:', 'path'],
      ['HostPathType:', 'type', '<none>'],
    ],
  },
  emptyDir: {
    type: "EmptyDir (a temporary directory that shares a pod's lifetime)",
    rows: [
      ['Medium:', 'medium'],
      ['SizeLimit:', 'sizeLimit', '<unset>'],
    ],
  },
  gcePersistentDisk: {
    type: 'GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)',
    rows: [['PDName:', 'pdName'], fsType, ['Partition:', 'partition', '0'], readOnly],
  },
  awsElasticBlockStore: {
    type: 'AWSElasticBlockStore (a Persistent Disk resource in AWS)',
    rows: [['VolumeID:', 'volumeID'], fsType, ['Partition:', 'partition', '0'], readOnly],
  },
  gitRepo: {
    type: 'GitRepo (a volume that is pulled from git when the pod is created)',
    rows: [
      ['Repository:', 'repository'],
      ['Revision:', 'revision'],
    ],
  },
  secret: { type: 'Secret (a volume populated by a Secret)', rows: [['SecretName:', 'secretName'], optional] },
  configMap: { type: 'ConfigMap (a volume populated by a ConfigMap)', rows: [['Name:', 'name'], optional] },
  nfs: {
    type: 'NFS (an NFS mount that lasts the lifetime of a pod)',
    rows: [['Server:', 'server'], ['Path:', 'path'], readOnly],
  },
  iscsi: {
    type: "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
    rows: [
      ['TargetPortal:', 'targetPortal'],
      ['IQN:', 'iqn'],
      ['Lun:', 'lun', '0'],
      ['ISCSIInterface', 'iscsiInterface'],
      fsType,
      readOnly,
      ['Portals:', 'portals', '[]'],
      ['DiscoveryCHAPAuth:', 'chapAuthDiscovery', 'false'],
      ['SessionCHAPAuth:', 'chapAuthSession', 'false'],
      secretRef,
      ['InitiatorName:', 'initiatorName', '<none>'],
    ],
  },
  glusterfs: {
    type: "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
    rows: [['EndpointsName:', 'endpoints'], ['Path:', 'path'], readOnly],
  },
  persistentVolumeClaim: {
    type: 'PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)',
    rows: [['ClaimName:', 'claimName'], readOnly],
  },
  ephemeral: {
    type: 'EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)',
    rows: [],
  },
  rbd: {
    type: "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
    rows: [
      ['CephMonitors:', 'monitors', '[]'],
      ['RBDImage:', 'image'],
      fsType,
      ['RBDPool:', 'pool'],
      ['RadosUser:', 'user'],
      ['Keyring:', 'keyring'],
      secretRef,
      readOnly,
    ],
  },
  quobyte: {
    type: "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
    rows: [['Registry:', 'registry'], ['Volume:', 'volume'], readOnly],
  },
  downwardAPI: { type: 'DownwardAPI (a volume populated by information about the pod)', rows: [] },
  azureDisk: {
    type: 'AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)',
    rows: [
      ['DiskName:', 'diskName'],
      ['DiskURI:', 'diskURI'],
      ['Kind: ', 'kind'],
      fsType,
      ['CachingMode:', 'cachingMode'],
      readOnly,
    ],
  },
  vsphereVolume: {
    type: 'vSphereVolume (a Persistent Disk resource in vSphere)',
    rows: [['VolumePath:', 'volumePath'], fsType, ['StoragePolicyName:', 'storagePolicyName']],
  },
  cinder: {
    type: 'Cinder (a Persistent Disk resource in OpenStack)',
    rows: [['VolumeID:', 'volumeID'], fsType, readOnly, secretRef],
  },
  photonPersistentDisk: {
    type: 'PhotonPersistentDisk (a Persistent Disk resource in photon platform)',
    rows: [['PdID:', 'pdID'], fsType],
  },
  portworxVolume: { type: 'PortworxVolume (a Portworx Volume resource)', rows: [['VolumeID:', 'volumeID']] },
  scaleIO: {
    type: 'ScaleIO (a persistent volume backed by a block device in ScaleIO)',
    rows: [
      ['Gateway:', 'gateway'],
      ['System:', 'system'],
      ['Protection Domain:', 'protectionDomain'],
      ['Storage Pool:', 'storagePool'],
      ['Storage Mode:', 'storageMode'],
      ['VolumeName:', 'volumeName'],
      fsType,
      readOnly,
    ],
  },
  local: { type: 'LocalVolume (a persistent volume backed by local storage on a node)', rows: [['Path:', 'path']] },
  cephfs: {
    type: "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
    rows: [
      ['Monitors:', 'monitors', '[]'],
      ['Path:', 'path'],
      ['User:', 'user'],
      ['SecretFile:', 'secretFile'],
      secretRef,
      readOnly,
    ],
  },
  storageos: {
    type: 'StorageOS (a StorageOS Persistent Disk resource)',
    rows: [['VolumeName:', 'volumeName'], ['VolumeNamespace:', 'volumeNamespace'], fsType, readOnly],
  },
  fc: {
    type: 'FC (a Fibre Channel disk)',
    rows: [['TargetWWNs:', 'targetWWNs'], ['LUN:', 'lun', '<none>'], fsType, readOnly],
  },
  azureFile: {
    type: 'AzureFile (an Azure File Service mount on the host and bind mount to the pod)',
    rows: [['SecretName:', 'secretName'], ['ShareName:', 'shareName'], readOnly],
  },
  flexVolume: {
    type: 'FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)',
    rows: [['Driver:', 'driver'], fsType, secretRef, readOnly, ['Options:', 'options', 'map[]']],
  },
  flocker: {
    type: 'Flocker (a Flocker volume mounted by the Flocker agent)',
    rows: [
      ['DatasetName:', 'datasetName'],
      ['DatasetUUID:', 'datasetUUID'],
    ],
  },
  projected: { type: 'Projected (a volume that contains injected data from multiple sources)', rows: [] },
  csi: {
    type: 'CSI (a Container Storage Interface (CSI) volume source)',
    rows: [['Driver:', 'driver'], fsType, readOnly],
  },
  image: {
    type: 'Image (a container image or OCI artifact)',
    rows: [
      ['Reference:', 'reference'],
      ['PullPolicy:', 'pullPolicy'],
    ],
  },
};

/** PersistentVolumes say more of some sources. */
const persistentKinds: Readonly<Record<string, readonly Row[]>> = {
  glusterfs: [
    ['EndpointsName:', 'endpoints'],
    ['EndpointsNamespace:', 'endpointsNamespace', '<unset>'],
    ['Path:', 'path'],
    readOnly,
  ],
  azureFile: [
    ['SecretName:', 'secretName'],
    ['SecretNamespace:', 'secretNamespace'],
    ['ShareName:', 'shareName'],
    readOnly,
  ],
  csi: [['Driver:', 'driver'], fsType, ['VolumeHandle:', 'volumeHandle'], readOnly],
};

interface Volume {
  readonly name: string;
}

export function volumeBlock(page: Page, volumes: readonly Volume[] | undefined, indent: string): void {
  if (!volumes?.length) {
    page.line(0, `${indent}Volumes:`, '<none>');
    return;
  }
  page.line(0, `${indent}Volumes:`);
  for (const volume of volumes) {
    page.line(1, `${indent === '' ? '' : ' '}${volume.name}:`);
    volumeSource(page, volume as unknown as Source);
  }
}

/** The first source that the volume has. */
export function volumeSource(page: Page, volume: Source, persistent = false): void {
  const field = Object.keys(kinds).find((name) => volume[name] !== undefined);
  const kind = kinds[field ?? ''];
  if (field === undefined || kind === undefined) {
    page.line(1, '<unknown>');
    return;
  }
  const source = volume[field] as Source;
  page.line(2, 'Type:', kind.type);
  for (const [label, name, absent = ''] of (persistent ? persistentKinds[field] : undefined) ?? kind.rows)
    page.line(2, label, valueText(name, source[name], persistent) ?? absent);
  more[field]?.(page, source);
}

function valueText(field: string, value: unknown, persistent: boolean): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (field === 'sizeLimit') return quantityText(value as string) === '0' ? undefined : quantityText(value as string);
  if (field === 'targetWWNs') return (value as string[]).join(', ');
  if (field === 'secretRef') {
    const { name = '', namespace = '' } = value as { name?: string; namespace?: string };
    return persistent
      ? `&SecretReference{Name:${name},Namespace:${namespace},}`
      : `&LocalObjectReference{Name:${name},}`;
  }
  if (Array.isArray(value)) return listText(value);
  if (typeof value !== 'object') return String(value);
  const map = value as Record<string, string>;
  return `map[${sortedKeys(map)
    .map((key) => `${key}:${map[key]}`)
    .join(' ')}]`;
}

const more: Readonly<Record<string, (page: Page, source: Source) => void>> = {
  downwardAPI: downwardItems,
  projected: projectedSources,
  csi: (page, { volumeAttributes }) => attributes(page, volumeAttributes as Record<string, string> | undefined),
  ephemeral(page, { volumeClaimTemplate }) {
    if (volumeClaimTemplate !== undefined) claimFields(page, volumeClaimTemplate as ClaimTemplate);
  },
};

interface Item {
  readonly path: string;
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: { readonly resource: string };
}

function downwardItems(page: Page, { items }: Source): void {
  page.line(2, 'Items:');
  for (const { path, fieldRef, resourceFieldRef } of (items ?? []) as Item[]) {
    if (fieldRef !== undefined) page.line(3, `${fieldRef.fieldPath} -> ${path}`);
    if (resourceFieldRef !== undefined) page.line(3, `${resourceFieldRef.resource} -> ${path}`);
  }
}

interface Projection {
  readonly secret?: { readonly name?: string; readonly optional?: boolean };
  readonly configMap?: { readonly name?: string; readonly optional?: boolean };
  readonly downwardAPI?: object;
  readonly serviceAccountToken?: { readonly expirationSeconds?: number };
}

function projectedSources(page: Page, { sources }: Source): void {
  for (const { secret, configMap, downwardAPI, serviceAccountToken } of (sources ?? []) as Projection[]) {
    if (secret !== undefined) {
      page.line(2, 'SecretName:', secret.name ?? '');
      page.line(2, 'Optional:', String(secret.optional ?? false));
    } else if (downwardAPI !== undefined) page.line(2, 'DownwardAPI:', 'true');
    else if (configMap !== undefined) {
      page.line(2, 'ConfigMapName:', configMap.name ?? '');
      page.line(2, 'Optional:', String(configMap.optional ?? false));
    } else if (serviceAccountToken !== undefined)
      page.line(2, 'TokenExpirationSeconds:', String(serviceAccountToken.expirationSeconds ?? 3600));
  }
}

/** Indented within their lines too, as kubectl writes them. */
function attributes(page: Page, values: Record<string, string> | undefined): void {
  const entries = sortedKeys(values).map((key) => `    ${shortened(`${key}=${values?.[key]}`, longestLine)}`);
  const [first = '<none>', ...others] = entries;
  page.line(2, 'VolumeAttributes:', first);
  for (const entry of others) page.line(4, '', entry);
}
