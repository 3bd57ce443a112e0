/** The flags of audit: what is written down, and where it goes. */
import { readFileSync } from 'node:fs';
import type { AuditBackend, AuditOptions } from '../../apiserver/audit/auditor.ts';
import { auditModes, type DeliveryOptions } from '../../apiserver/audit/delivery.ts';
import { auditFormats } from '../../apiserver/audit/event-format.ts';
import { checkLogFile, openLog } from '../../apiserver/audit/log-file.ts';
import { parseAuditPolicy } from '../../apiserver/audit/policy.ts';
import { openWebhook } from '../../apiserver/audit/webhook.ts';
import { loadKubeconfig } from '../../client/kubeconfig/load.ts';
import { selectContext } from '../../client/kubeconfig/select.ts';
import { type FlagValues, flag } from '../../component/flags.ts';

const version = 'audit.k8s.io/v1';

export const auditFlags = {
  'audit-policy-file': flag.string('', 'File with the audit policy. Without it nothing is logged.'),
  'audit-log-path': flag.string(
    '',
    "All requests that the policy wants are logged to this file. '-' means standard out.",
  ),
  'audit-log-format': flag.choice(
    auditFormats,
    'json',
    'Format of the log: one JSON object a line, or (legacy) one line of text.',
  ),
  'audit-log-version': flag.choice([version], version, 'API group and version of events in the log.'),
  'audit-log-mode': flag.choice(
    auditModes,
    'blocking',
    'Whether replies wait until the log has their event. blocking-strict: besides, a request that cannot be logged is refused.',
  ),
  'audit-log-maxsize': flag.int(100, 'Megabytes after which the file is rotated.'),
  'audit-log-maxbackup': flag.int(100, 'How many rotated files are kept. 0 means all.'),
  'audit-log-maxage': flag.int(366, 'Days that rotated files are kept. 0 means for ever.'),
  'audit-log-compress': flag.bool(false, 'Compress rotated files with gzip.'),
  'audit-log-batch-buffer-size': flag.int(
    10_000,
    'Events that may wait to be written. Further ones are lost, and counted.',
  ),
  'audit-log-batch-max-size': flag.int(1, 'A write begins when so many events wait. Only in batch mode.'),
  'audit-log-batch-max-wait': flag.duration(
    0,
    'A write begins when an event has waited so long, however few there are. Only in batch mode.',
  ),
  'audit-log-batch-throttle-enable': flag.bool(false, 'Limit writes a second. Only in batch mode.'),
  'audit-log-batch-throttle-qps': flag.float(0, 'Writes a second on average with throttling. Only in batch mode.'),
  'audit-log-batch-throttle-burst': flag.int(0, 'Writes at once after a while without any. Only in batch mode.'),
  'audit-log-truncate-enabled': flag.bool(false, 'Leave the objects out of events that are too large.'),
  'audit-log-truncate-max-event-size': flag.int(
    102_400,
    'Bytes of the largest event with --audit-log-truncate-enabled.',
  ),
  'audit-log-truncate-max-batch-size': flag.int(
    10_485_760,
    'Bytes of events in one write with --audit-log-truncate-enabled.',
  ),
  'audit-webhook-config-file': flag.string(
    '',
    'Kubeconfig file of the server that all events are sent to which the policy wants.',
  ),
  'audit-webhook-version': flag.choice([version], version, 'API group and version of events that are sent.'),
  'audit-webhook-mode': flag.choice(
    auditModes,
    'batch',
    'Whether replies wait until the webhook has their event. blocking-strict: besides, a request whose event it does not take is refused.',
  ),
  'audit-webhook-initial-backoff': flag.duration(
    10_000,
    'Until the first of four repetitions of a request that failed.',
  ),
  'audit-webhook-batch-buffer-size': flag.int(
    10_000,
    'Events that may wait to be sent. Further ones are lost, and counted.',
  ),
  'audit-webhook-batch-max-size': flag.int(
    400,
    'The most events in a request; in batch mode one is made when so many wait.',
  ),
  'audit-webhook-batch-max-wait': flag.duration(
    30_000,
    'A request is made when an event has waited so long, however few there are. Only in batch mode.',
  ),
  'audit-webhook-batch-throttle-enable': flag.bool(true, 'Limit requests a second. Only in batch mode.'),
  'audit-webhook-batch-throttle-qps': flag.float(
    10,
    'Requests a second on average with throttling. Only in batch mode.',
  ),
  'audit-webhook-batch-throttle-burst': flag.int(15, 'Requests at once after a while without any. Only in batch mode.'),
  'audit-webhook-truncate-enabled': flag.bool(false, 'Leave the objects out of events that are too large.'),
  'audit-webhook-truncate-max-event-size': flag.int(
    102_400,
    'Bytes of the largest event with --audit-webhook-truncate-enabled.',
  ),
  'audit-webhook-truncate-max-batch-size': flag.int(
    10_485_760,
    'Bytes of events in one request with --audit-webhook-truncate-enabled.',
  ),
};

type AuditFlags = FlagValues<typeof auditFlags>;

/** Throws when the policy cannot be read, or a backend cannot work. `warn` is told what is half configured. */
export function auditOptions(flags: AuditFlags, warn: (message: string) => void): AuditOptions | undefined {
  const given = (['audit-log-path', 'audit-webhook-config-file'] as const).filter((name) => flags[name] !== '');
  const file = flags['audit-policy-file'];
  if (given.length === 0) {
    if (file !== '')
      warn('--audit-policy-file is given without --audit-log-path or --audit-webhook-config-file: nothing is logged');
    return undefined;
  }
  if (file === '') {
    warn(`--${given.join(' and --')} given without --audit-policy-file: nothing is logged`);
    return undefined;
  }
  return {
    policy: readPolicy(file),
    backends: given.map((name) => (name === 'audit-log-path' ? logBackend(flags) : webhookBackend(flags))),
  };
}

function logBackend(flags: AuditFlags): AuditBackend {
  for (const name of ['audit-log-maxsize', 'audit-log-maxbackup', 'audit-log-maxage'] as const)
    if (flags[name] < 0) throw new Error(`--${name} ${flags[name]} can't be a negative number`);
  const path = flags['audit-log-path'];
  try {
    checkLogFile(path);
  } catch (error) {
    throw new Error(`--audit-log-path ${path}: ${(error as Error).message}`, { cause: error });
  }
  const options = {
    path,
    format: flags['audit-log-format'],
    maxSizeBytes: (flags['audit-log-maxsize'] || 100) * 1024 * 1024,
    maxBackups: flags['audit-log-maxbackup'],
    maxAgeMs: flags['audit-log-maxage'] * 86_400_000,
    compress: flags['audit-log-compress'],
  };
  // A file takes whatever waits.
  const delivery = { ...deliveryOf('log', flags), maxWriteEvents: Number.POSITIVE_INFINITY };
  return { plugin: 'log', delivery, open: (clock) => openLog(options, clock) };
}

function webhookBackend(flags: AuditFlags): AuditBackend {
  const file = flags['audit-webhook-config-file'];
  const initialBackoffMs = flags['audit-webhook-initial-backoff'];
  try {
    const { connection } = selectContext(loadKubeconfig(file));
    return {
      plugin: 'webhook',
      delivery: deliveryOf('webhook', flags),
      open: (clock) => openWebhook({ connection, initialBackoffMs }, clock),
    };
  } catch (error) {
    throw new Error(`--audit-webhook-config-file ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function deliveryOf(plugin: AuditBackend['plugin'], flags: AuditFlags): DeliveryOptions {
  const mode = flags[`audit-${plugin}-mode`];
  const bufferSize = flags[`audit-${plugin}-batch-buffer-size`];
  const batchSize = flags[`audit-${plugin}-batch-max-size`];
  const qps = flags[`audit-${plugin}-batch-throttle-qps`];
  const burst = flags[`audit-${plugin}-batch-throttle-burst`];
  const throttled = flags[`audit-${plugin}-batch-throttle-enable`] && mode === 'batch';
  const positive = (what: string, value: number): void => {
    if (value <= 0) throw new Error(`invalid audit batch ${plugin} ${what} ${value}, must be a positive number`);
  };
  positive('buffer size', bufferSize);
  positive('max batch size', batchSize);
  if (throttled) {
    positive('throttle QPS', qps);
    positive('throttle burst', burst);
  }
  const truncated = flags[`audit-${plugin}-truncate-enabled`];
  const maxEventBytes = flags[`audit-${plugin}-truncate-max-event-size`];
  const maxWriteBytes = flags[`audit-${plugin}-truncate-max-batch-size`];
  if (truncated && maxEventBytes <= 0)
    throw new Error(`invalid audit truncate ${plugin} max event size ${maxEventBytes}, must be a positive number`);
  if (truncated && maxWriteBytes < maxEventBytes)
    throw new Error(
      `invalid audit truncate ${plugin} max batch size ${maxWriteBytes}, must be greater than max event size (${maxEventBytes})`,
    );
  return {
    mode,
    bufferSize,
    batchSize,
    batchWaitMs: flags[`audit-${plugin}-batch-max-wait`],
    throttle: throttled ? { qps, burst } : undefined,
    maxEventBytes: truncated ? maxEventBytes : Number.POSITIVE_INFINITY,
    maxWriteEvents: batchSize,
    maxWriteBytes: truncated ? maxWriteBytes : Number.POSITIVE_INFINITY,
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
