/** The flags of those who ask estimators, with upstream's names and defaults, and what becomes of them. */
import type { Client } from '../client/client.ts';
import { type FlagValues, flag } from '../component/flags.ts';
import type { Logger } from '../component/logging.ts';
import { channelCredentials, createEstimatorPool, type EstimatorPool } from './connection-pool.ts';
import { createEstimatorClient, type EstimatorClient } from './estimator-client.ts';

export const estimatorClientFlags = {
  'scheduler-estimator-timeout': flag.duration(
    3_000,
    'How long a round of questions to all scheduler estimators may take.',
  ),
  'scheduler-estimator-service-namespace': flag.string(
    'karmada-system',
    'The namespace of the Services by which scheduler estimators are found.',
  ),
  'scheduler-estimator-service-prefix': flag.string(
    'karmada-scheduler-estimator',
    "The names of these Services up to the dash before the cluster's name.",
  ),
  'scheduler-estimator-port': flag.int(10352, 'The port of these Services.'),
  'scheduler-estimator-cert-file': flag.string('', 'Client certificate (PEM) to show to scheduler estimators.'),
  'scheduler-estimator-key-file': flag.string('', 'The key (PEM) of --scheduler-estimator-cert-file.'),
  'scheduler-estimator-ca-file': flag.string(
    '',
    'The CA (PEM) that signed the certificates of scheduler estimators. Without it and without --insecure-skip-estimator-verify the connections are plain text.',
  ),
  'insecure-skip-estimator-verify': flag.bool(false, 'Use TLS but believe any certificate of a scheduler estimator.'),
};

type Values = FlagValues<typeof estimatorClientFlags>;

/** What cannot work, in upstream's words. */
export function estimatorFlagProblems(flags: Values): string[] {
  const problems: string[] = [];
  const port = flags['scheduler-estimator-port'];
  if (port < 0 || port > 65_535)
    problems.push(
      `Options.SchedulerEstimatorPort: Invalid value: ${port}: must be a valid port between 0 and 65535 inclusive`,
    );
  const timeout = flags['scheduler-estimator-timeout'];
  if (timeout < 0)
    problems.push(
      `Options.SchedulerEstimatorTimeout: Invalid value: "${timeout / 1000}s": must be greater than or equal to 0`,
    );
  return problems;
}

/** Nothing is connected yet. `client` is of the control plane. Throws when a file cannot be read. */
export function estimatorsOf(
  flags: Values,
  client: Client,
  logger: Logger,
): { pool: EstimatorPool; client: EstimatorClient } {
  const pool = createEstimatorPool({
    client,
    logger,
    namespace: flags['scheduler-estimator-service-namespace'],
    prefix: flags['scheduler-estimator-service-prefix'],
    port: flags['scheduler-estimator-port'],
    credentials: channelCredentials({
      certFile: flags['scheduler-estimator-cert-file'],
      keyFile: flags['scheduler-estimator-key-file'],
      caFile: flags['scheduler-estimator-ca-file'],
      insecureSkipVerify: flags['insecure-skip-estimator-verify'],
    }),
  });
  return { pool, client: createEstimatorClient(pool, flags['scheduler-estimator-timeout']) };
}
