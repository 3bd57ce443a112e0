/** Groups of flags that several executables share, with upstream's names and defaults. Spread them into a table. */
import { type FlagValues, flag } from './flags.ts';

/** `-v`: verbosity of klog; 4 and above show debug lines. */
export const logFlags = {
  v: flag.int(0, 'number for the log level verbosity', { shorthand: 'v' }),
  'logging-format': flag.choice(['json', 'text'], 'json', 'Sets the log format. Permitted formats: "json", "text".'),
  logtostderr: flag.bool(true, 'log to standard error instead of files', {
    deprecated: 'logs always go to standard error',
  }),
};

export const kubeconfigFlags = {
  kubeconfig: flag.string('', 'Path to a kubeconfig file; empty means KUBECONFIG, then ~/.kube/config.'),
  master: flag.string('', 'The address of the API server. Overrides any value in the kubeconfig.'),
};

export const kubeApiFlags = {
  ...kubeconfigFlags,
  'kube-api-qps': flag.float(1000, 'QPS to use while talking with the API server.'),
  'kube-api-burst': flag.int(2000, 'Burst to use while talking with the API server.'),
};

export const clusterApiFlags = {
  'cluster-api-qps': flag.float(200, 'QPS to use while talking with a member cluster.'),
  'cluster-api-burst': flag.int(400, 'Burst to use while talking with a member cluster.'),
};

/** `resourceName` is the default name of the Lease. */
export const leaderElectionFlags = (resourceName: string, namespace = 'karmada-system') => ({
  'leader-elect': flag.bool(true, 'Start a leader election client and gain leadership before doing the main work.'),
  'leader-elect-resource-name': flag.string(resourceName, 'The name of the Lease that is used for locking.'),
  'leader-elect-resource-namespace': flag.string(namespace, 'The namespace of the Lease that is used for locking.'),
  'leader-elect-lease-duration': flag.duration(
    15_000,
    'How long a non-leader waits after the last seen renewal before it tries to take the lease.',
  ),
  'leader-elect-renew-deadline': flag.duration(
    10_000,
    'How long the leader tries to renew before it gives up leadership.',
  ),
  'leader-elect-retry-period': flag.duration(2_000, 'How long to wait between tries to acquire and renew.'),
});

/**
 * The Lease that these flags ask for (times in ms); undefined when leader election is off. Throws on times that would let two lead at once.
 * Who loses the Lease ends at once.
 */
export function leaseOf(flags: FlagValues<ReturnType<typeof leaderElectionFlags>>) {
  if (!flags['leader-elect']) return undefined;
  if (flags['leader-elect-lease-duration'] <= flags['leader-elect-renew-deadline'])
    throw new Error('--leader-elect-lease-duration must be greater than --leader-elect-renew-deadline');
  // client-go's jitter of the retries.
  if (flags['leader-elect-renew-deadline'] <= 1.2 * flags['leader-elect-retry-period'])
    throw new Error('--leader-elect-renew-deadline must be greater than 1.2 times --leader-elect-retry-period');
  if (flags['leader-elect-retry-period'] <= 0) throw new Error('--leader-elect-retry-period must be greater than zero');
  return {
    name: flags['leader-elect-resource-name'],
    namespace: flags['leader-elect-resource-namespace'],
    leaseDuration: flags['leader-elect-lease-duration'],
    renewDeadline: flags['leader-elect-renew-deadline'],
    retryPeriod: flags['leader-elect-retry-period'],
    onLost: (): never => process.exit(1),
  };
}

/** `healthAddress`: upstream's default of the executable, such as `:10351`. */
export const endpointFlags = (healthAddress: string, metricsAddress = ':8080') => ({
  'metrics-bind-address': flag.string(
    metricsAddress,
    'The TCP address for /metrics (:8080, 127.0.0.1:8080). "0" disables it; port 0 picks a free one.',
  ),
  'health-probe-bind-address': flag.string(
    healthAddress,
    'The TCP address for /healthz, /livez and /readyz. "0" disables them; port 0 picks a free one.',
  ),
});

/** `/debug/pprof/` of a process. */
export const profilingFlags = {
  'enable-pprof': flag.bool(false, 'Enable profiling via web interface host:port/debug/pprof/.'),
  'profiling-bind-address': flag.string(
    ':6060',
    'The TCP address for serving profiling (127.0.0.1:6060, :6060). This is only applicable if profiling is enabled.',
  ),
};

export const resyncFlags = {
  'resync-period': flag.duration(
    0,
    'Base frequency at which controllers look at everything again, whether it changed or not. 0: never, which is enough.',
  ),
};

export const rateLimiterFlags = {
  'rate-limiter-base-delay': flag.duration(5, 'The base delay of the back-off of a failing key.'),
  'rate-limiter-max-delay': flag.duration(1_000_000, 'The longest delay of the back-off of a failing key.'),
  'rate-limiter-qps': flag.int(10, 'The QPS of the bucket that limits retries of all keys.'),
  'rate-limiter-bucket-size': flag.int(100, 'The size of the bucket that limits retries of all keys.'),
};

/** Of karmada-webhook, and of karmada-apiserver, which does the same. */
export const allowNoExecuteTaintPolicyFlag = flag.bool(
  false,
  'Let ClusterTaintPolicies set taints with the effect NoExecute, which may move workloads off a cluster.',
);
