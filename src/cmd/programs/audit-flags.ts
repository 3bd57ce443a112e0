/** The flags of the audit log. */
import { readFileSync } from 'node:fs';
import type { AuditOptions } from '../../apiserver/audit/auditor.ts';
import { auditLogModes } from '../../apiserver/audit/log.ts';
import { parseAuditPolicy } from '../../apiserver/audit/policy.ts';
import { type FlagValues, flag } from '../../component/flags.ts';

export const auditFlags = {
  'audit-policy-file': flag.string('', 'File with the audit policy. Without it nothing is logged.'),
  'audit-log-path': flag.string(
    '',
    "All requests that the policy wants are logged to this file. '-' means standard out.",
  ),
  'audit-log-format': flag.choice(['json'], 'json', 'Format of the log: one JSON object a line.'),
  'audit-log-mode': flag.choice(
    auditLogModes,
    'blocking',
    'Whether replies wait until the log has their event. blocking-strict: besides, a request that cannot be logged is refused.',
  ),
  'audit-log-maxsize': flag.int(100, 'Megabytes after which the file is rotated.'),
  'audit-log-maxbackup': flag.int(100, 'How many rotated files are kept. 0 means all.'),
  'audit-log-maxage': flag.int(366, 'Days that rotated files are kept. 0 means for ever.'),
  'audit-log-batch-buffer-size': flag.int(
    10_000,
    'Events that may wait to be written. Further ones are lost, and counted.',
  ),
  'audit-log-truncate-enabled': flag.bool(false, 'Leave the objects out of events that are too large.'),
  'audit-log-truncate-max-event-size': flag.int(
    102_400,
    'Bytes of the largest event with --audit-log-truncate-enabled.',
  ),
};

/** Throws when the policy cannot be read. `warn` is told what is half configured. */
export function auditOptions(
  flags: FlagValues<typeof auditFlags>,
  warn: (message: string) => void,
): AuditOptions | undefined {
  const path = flags['audit-log-path'];
  const file = flags['audit-policy-file'];
  if (path === '') {
    if (file !== '') warn('--audit-policy-file is given without --audit-log-path: nothing is logged');
    return undefined;
  }
  if (file === '') {
    warn('--audit-log-path is given without --audit-policy-file: nothing is logged');
    return undefined;
  }
  for (const name of ['audit-log-maxsize', 'audit-log-maxbackup', 'audit-log-maxage'] as const)
    if (flags[name] < 0) throw new Error(`--${name} ${flags[name]} can't be a negative number`);
  if (flags['audit-log-batch-buffer-size'] < 1)
    throw new Error('--audit-log-batch-buffer-size must be greater than zero');
  return {
    policy: readPolicy(file),
    log: {
      path,
      mode: flags['audit-log-mode'],
      maxSizeBytes: (flags['audit-log-maxsize'] || 100) * 1024 * 1024,
      maxBackups: flags['audit-log-maxbackup'],
      maxAgeMs: flags['audit-log-maxage'] * 86_400_000,
      bufferSize: flags['audit-log-batch-buffer-size'],
      maxEventBytes: flags['audit-log-truncate-enabled']
        ? flags['audit-log-truncate-max-event-size']
        : Number.POSITIVE_INFINITY,
    },
  };
}

/** A Work carries whatever it brings to a member: Secrets, too. */
const confidential = ['work.karmada.io/works'];

function readPolicy(file: string) {
  try {
    return parseAuditPolicy(readFileSync(file, 'utf8'), confidential);
  } catch (error) {
    throw new Error(`--audit-policy-file ${file}: ${(error as Error).message}`, { cause: error });
  }
}
