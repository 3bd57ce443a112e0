/** Refusals in the form that a webhook's refusal takes, so that clients see the same whoever validates. */
import { badRequest, type FieldError, type StatusError, statusFailure } from '../apimachinery/status-error.ts';

/** 403 `admission webhook "x" denied the request: …`. */
export const denied = (webhook: string, findings: readonly string[]): StatusError =>
  statusFailure(403, 'Forbidden', refusal(webhook, aggregateFindings(findings)));

/** The same for an object that rules cannot read: 400. */
export const undecodable = (webhook: string, why: string): StatusError => badRequest(refusal(webhook, why));

const refusal = (webhook: string, why: string): string => `admission webhook "${webhook}" denied the request: ${why}`;

/** Several findings stand in brackets, each once. */
export function aggregateFindings(findings: readonly string[]): string {
  const distinct = [...new Set(findings)];
  return distinct.length === 1 ? String(distinct[0]) : `[${distinct.join(', ')}]`;
}

export function fieldErrorTexts(errors: readonly FieldError[]): string[] {
  return errors.map((error) => `${error.field}: ${error.message}`);
}
