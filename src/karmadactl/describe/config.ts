/** ConfigMaps with what they hold, Secrets without, and PriorityClasses. */
import { labelsText } from '../../kubernetes/printing/formats.ts';
import type { ConfigMap, PriorityClass, Secret } from '../../kubernetes/types.ts';
import type { Page } from './page.ts';
import { head, labelsAndAnnotations, sortedKeys } from './texts.ts';

const sizeOf = (base64: string): number => Buffer.from(base64, 'base64').length;

export function describeConfigMap(page: Page, object: ConfigMap): void {
  const { data, binaryData } = object;
  head(page, object);
  labelsAndAnnotations(page, object);
  page.write(0, '\nData\n====\n');
  for (const key of sortedKeys(data)) page.write(0, `${key}:\n----\n${data?.[key]}\n\n`);
  page.write(0, '\nBinaryData\n====\n');
  for (const key of sortedKeys(binaryData)) page.line(0, `${key}: ${sizeOf(binaryData?.[key] ?? '')} bytes`);
  page.line(0, '');
}

/** Sizes only, save for the tokens of ServiceAccounts. */
export function describeSecret(page: Page, object: Secret): void {
  const { type = '', data } = object;
  head(page, object);
  labelsAndAnnotations(page, object);
  page.write(0, '\n');
  page.line(0, 'Type:', type);
  page.write(0, '\nData\n====\n');
  for (const key of sortedKeys(data)) {
    const value = data?.[key] ?? '';
    const shown = key === 'token' && type === 'kubernetes.io/service-account-token';
    page.line(0, `${key}:`, shown ? Buffer.from(value, 'base64').toString() : `${sizeOf(value)} bytes`);
  }
}

export function describePriorityClass(page: Page, object: PriorityClass): void {
  head(page, object, false);
  page.line(0, 'Value:', String(object.value ?? 0));
  page.line(0, 'GlobalDefault:', String(object.globalDefault ?? false));
  page.line(0, 'PreemptionPolicy:', object.preemptionPolicy ?? '');
  page.line(0, 'Description:', object.description ?? '');
  page.line(0, 'Annotations:', labelsText(object.metadata.annotations));
}
