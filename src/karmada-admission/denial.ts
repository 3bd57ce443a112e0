/** Refusals in the form that a webhook's refusal takes, so that clients see the same whoever validates. */
import { type FieldError, type StatusError, statusFailure } from '../apimachinery/status-error.ts';

/** 403 `admission webhook "x" denied the request: …`; several findings stand in brackets, each once. */
export function denied(webhook: string, findings: readonly string[]): StatusError {
  const distinct = [...new Set(findings)];
  const text = distinct.length === 1 ? distinct[0] : `[${distinct.join(', ')}]`;
  return statusFailure(403, 'Forbidden', `admission webhook "${webhook}" denied the request: ${text}`);
}

export function fieldErrorTexts(errors: readonly FieldError[]): string[] {
  return errors.map((error) => `${error.field}: ${error.message}`);
}
