/** A program that works on an API server, in a process of its own: flags, logs, health checks and metrics, signals. */
import { connect } from '../../client/connect.ts';
import { serveEndpoints } from '../../component/endpoints.ts';
import { parseExecutable } from '../../component/executable.ts';
import type { endpointFlags, kubeApiFlags, logFlags, profilingFlags } from '../../component/flag-groups.ts';
import type { FlagTable, FlagValues } from '../../component/flags.ts';
import { createHealth } from '../../component/health.ts';
import { runComponent } from '../../component/lifecycle.ts';
import { createLogger } from '../../component/logging.ts';
import { createRegistry } from '../../component/metrics.ts';
import type { Program } from './program.ts';

type SharedFlags = typeof logFlags & typeof kubeApiFlags & ReturnType<typeof endpointFlags>;

/** Ends the process. */
export async function runProgram<F extends FlagTable & SharedFlags>(program: Program<F>): Promise<never> {
  const values = parseExecutable(program);
  const flags: FlagValues<SharedFlags> = values;
  const logger = createLogger(program.name, { v: flags.v, format: flags['logging-format'] });
  return runComponent(
    async (signal) => {
      const health = createHealth();
      const registry = createRegistry();
      const endpoints = await serveEndpoints({
        healthAddress: flags['health-probe-bind-address'],
        // Empty: both are served at the one address.
        metricsAddress: flags['metrics-bind-address'] || flags['health-probe-bind-address'],
        health,
        registry,
        profiling: values as Partial<FlagValues<typeof profilingFlags>>,
      });
      const connectAgain = () =>
        connect({
          kubeconfig: flags.kubeconfig,
          master: flags.master,
          userAgent: program.name,
          qps: flags['kube-api-qps'],
          burst: flags['kube-api-burst'],
        }).client;
      try {
        await program.run(values, { signal, logger, health, registry, connect: connectAgain });
      } finally {
        await endpoints.stop();
      }
    },
    { logger },
  );
}
