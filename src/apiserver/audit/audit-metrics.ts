/** What the audit log wrote, lost and refused, under upstream's names. */
import { counter, type Registry } from '../../component/metrics.ts';
import type { AuditCounts } from './auditor.ts';

export function createAuditCounts(registry: Registry): AuditCounts {
  const events = counter(registry, 'apiserver_audit_event_total', 'Audit events.', []);
  const levels = counter(registry, 'apiserver_audit_level_total', 'Audit events by level.', ['level']);
  const errors = counter(registry, 'apiserver_audit_error_total', 'Audit events that did not reach a backend.', [
    'plugin',
  ]);
  const rejected = counter(
    registry,
    'apiserver_audit_requests_rejected_total',
    'Requests refused because they could not be audited.',
    [],
  );
  return {
    event(level) {
      events.inc();
      levels.inc({ level });
    },
    lost: (plugin, count) => errors.inc({ plugin }, count),
    rejected: () => rejected.inc(),
  };
}
