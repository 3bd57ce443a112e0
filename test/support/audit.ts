/** Audit of a test's API server into a file. */
import type { AuditOptions } from '../../src/apiserver/audit/auditor.ts';
import type { AuditMode, DeliveryOptions } from '../../src/apiserver/audit/delivery.ts';
import { openLog } from '../../src/apiserver/audit/log-file.ts';
import { parseAuditPolicy } from '../../src/apiserver/audit/policy.ts';

/** Writes at once whatever waits, however large. */
export const promptDelivery = (mode: AuditMode): DeliveryOptions => ({
  mode,
  bufferSize: 1000,
  batchSize: 1,
  batchWaitMs: 0,
  maxEventBytes: Number.POSITIVE_INFINITY,
  maxWriteEvents: Number.POSITIVE_INFINITY,
  maxWriteBytes: Number.POSITIVE_INFINITY,
});

export const logFile = (path: string) =>
  ({ path, format: 'json', maxSizeBytes: 1e9, maxBackups: 0, maxAgeMs: 0, compress: false }) as const;

/** `rules`: YAML. */
export const auditInto = (path: string, rules: string, mode: AuditMode = 'blocking'): AuditOptions => ({
  policy: parseAuditPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`),
  backends: [{ plugin: 'log', delivery: promptDelivery(mode), open: (clock) => openLog(logFile(path), clock) }],
});
