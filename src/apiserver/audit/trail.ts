/** What one request leaves in the audit log, as far as the endpoints that serve it are concerned. */
export interface AuditTrail {
  /** The body as it was decoded, before defaults. The first one counts. */
  requestObject(value: unknown): void;
  /** Facts that stand in the last event. */
  annotate(key: string, value: string): void;
}
