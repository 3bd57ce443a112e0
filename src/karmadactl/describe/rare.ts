/** Kinds that are seldom described: certificate requests, what drivers say of nodes and volumes, addresses. */
import { parseCertificateRequestSubject } from '../../component/certificates.ts';
import { requestState } from '../../kubernetes/certificates/certificate-signing-request.ts';
import { labelsText } from '../../kubernetes/printing/formats.ts';
import { humanDuration } from '../../kubernetes/printing/human-duration.ts';
import type { Page } from './page.ts';
import { head, labelsAndAnnotations, listText, table, timeText } from './texts.ts';

interface Described {
  readonly metadata: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
  };
}

interface CertificateSigningRequest extends Described {
  readonly spec: {
    readonly request: string;
    readonly signerName?: string;
    readonly username?: string;
    readonly expirationSeconds?: number;
  };
  readonly status?: Parameters<typeof requestState>[0];
}

export async function describeCertificateRequest(page: Page, object: CertificateSigningRequest): Promise<void> {
  const { metadata, spec, status } = object;
  head(page, object, false);
  page.line(0, 'Labels:', labelsText(metadata.labels));
  page.line(0, 'Annotations:', labelsText(metadata.annotations));
  page.line(0, 'CreationTimestamp:', timeText(metadata.creationTimestamp));
  page.line(0, 'Requesting User:', spec.username ?? '');
  if (spec.signerName) page.line(0, 'Signer:', spec.signerName);
  if (spec.expirationSeconds !== undefined)
    page.line(0, 'Requested Duration:', humanDuration(spec.expirationSeconds * 1000));
  page.line(0, 'Status:', requestState(status));
  const { subject, names } = await parseCertificateRequestSubject(Buffer.from(spec.request, 'base64').toString('utf8'));
  page.line(0, 'Subject:');
  page.line(0, '', 'Common Name:', subject.commonName);
  page.line(0, '', 'Serial Number:', subject.serialNumber);
  for (const [title, values] of subject.lists) list(page, title, values);
  if (names.every(([, values]) => values.length === 0)) return;
  page.line(0, 'Subject Alternative Names:');
  for (const [title, values] of names) list(page, title, values);
}

function list(page: Page, title: string, values: readonly string[]): void {
  const [first, ...others] = values;
  if (first === undefined) return;
  page.line(0, '', `${title}:`, first);
  for (const other of others) page.line(0, '', '', other);
}

interface CsiNode extends Described {
  readonly spec: {
    readonly drivers?: readonly {
      readonly name: string;
      readonly nodeID: string;
      readonly topologyKeys?: readonly string[] | null;
      readonly allocatable?: { readonly count?: number };
    }[];
  };
}

export function describeCsiNode(page: Page, object: CsiNode): void {
  head(page, object, false);
  labelsAndAnnotations(page, object);
  page.line(0, 'CreationTimestamp:', timeText(object.metadata.creationTimestamp));
  page.line(0, 'Spec:');
  if (object.spec.drivers === undefined) return;
  page.line(1, 'Drivers:');
  for (const { name, nodeID, topologyKeys, allocatable } of object.spec.drivers) {
    page.line(2, `${name}:`);
    page.line(3, 'Node ID:', nodeID);
    if (allocatable?.count !== undefined) {
      page.line(3, 'Allocatables:');
      page.line(4, 'Count:', String(allocatable.count));
    }
    if (topologyKeys) page.line(3, 'Topology Keys:', listText(topologyKeys));
  }
}

interface VolumeAttributesClass extends Described {
  readonly driverName: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

export function describeVolumeAttributesClass(page: Page, object: VolumeAttributesClass): void {
  head(page, object, false);
  page.line(0, 'Annotations:', labelsText(object.metadata.annotations));
  page.line(0, 'DriverName:', object.driverName);
  page.line(0, 'Parameters:', labelsText(object.parameters));
}

interface ServiceCidr extends Described {
  readonly spec: { readonly cidrs?: readonly string[] };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime?: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export function describeServiceCidr(page: Page, object: ServiceCidr): void {
  head(page, object, false);
  labelsAndAnnotations(page, object);
  page.line(0, 'CIDRs:', (object.spec.cidrs ?? []).join(', '));
  const conditions = object.status?.conditions ?? [];
  if (conditions.length === 0) return;
  page.line(0, 'Status:');
  page.line(0, 'Conditions:');
  table(
    page,
    ['Type', 'Status', 'LastTransitionTime', 'Reason', 'Message'],
    conditions.map(({ type, status, lastTransitionTime, reason = '', message = '' }) => [
      type,
      status,
      timeText(lastTransitionTime),
      reason,
      message,
    ]),
  );
}

interface IpAddress extends Described {
  readonly spec: {
    readonly parentRef?: {
      readonly group?: string;
      readonly resource?: string;
      readonly namespace?: string;
      readonly name?: string;
    };
  };
}

export function describeIpAddress(page: Page, object: IpAddress): void {
  head(page, object, false);
  labelsAndAnnotations(page, object);
  const { parentRef } = object.spec;
  if (parentRef === undefined) return;
  page.line(0, 'Parent Reference:');
  page.line(1, 'Group:', parentRef.group ?? '');
  page.line(1, 'Resource:', parentRef.resource ?? '');
  page.line(1, 'Namespace:', parentRef.namespace ?? '');
  page.line(1, 'Name:', parentRef.name ?? '');
}
