/** The flags of `karmada serve`: those of its parts under their own names, where the same name means the same. */
import { type FlagTable, type FlagValues, flag } from '../../component/flags.ts';
import { controlPlaneKubeControllers } from '../../installation/control-plane-objects.ts';
import { apiServerFlags } from '../programs/apiserver-flags.ts';
import { controllerManagerFlags } from '../programs/controller-manager-flags.ts';
import { kubeControllerManagerFlags } from '../programs/kube-controller-manager.ts';
import { schedulerFlags } from '../programs/scheduler.ts';

/**
 * Flags of parts that `serve` has not: it is its own API server, and each part keeps the Lease it has as a process of its own, so that the two
 * never work beside each other.
 */
const notTaken = ['kubeconfig', 'master', 'leader-elect-resource-name', 'leader-elect-resource-namespace'] as const;

const { controllers: kubeControllers } = kubeControllerManagerFlags;

export const serveFlags = {
  ...without(schedulerFlags, notTaken),
  ...without(kubeControllerManagerFlags, [...notTaken, 'controllers']),
  ...without(controllerManagerFlags, notTaken),
  ...apiServerFlags,
  'kube-controllers': {
    ...kubeControllers,
    usage: `--controllers of kube-controller-manager. ${kubeControllers.usage}`,
    defaultValue: controlPlaneKubeControllers,
  },
  'enable-bootstrap-token-auth': { ...apiServerFlags['enable-bootstrap-token-auth'], defaultValue: true },
  'health-probe-bind-address': flag.string(
    '127.0.0.1:10357',
    'The TCP address for /healthz, /livez and /readyz of all parts. "0" disables them; port 0 picks a free one.',
  ),
  'metrics-bind-address': flag.string(
    '',
    "The TCP address for /metrics of controllers and scheduler; the API server's are at its own port. Empty means that of the health checks.",
  ),
  'cert-dir': flag.string(
    '',
    'The directory of certificates, keys and kubeconfigs of the parts; what is missing or runs out is made. Empty: "pki" in --data-dir.',
  ),
  'external-hostname': flag.string(
    '',
    'The name or address under which kubectl, member clusters and agents reach the API server. Empty: --bind-address, or 127.0.0.1 where that means all.',
  ),
  'tls-san': flag.list([], 'Further names and addresses of the serving certificate.'),
};

export type ServeFlags = FlagValues<typeof serveFlags>;

/** Values for one part: those that `serve` was given, what it sets itself, and the part's defaults. */
export function valuesFor<F extends FlagTable>(
  table: F,
  given: ServeFlags,
  set: Partial<FlagValues<F>> = {},
): FlagValues<F> {
  const names = Object.keys(table);
  const values: Readonly<Record<string, unknown>> = given;
  const own: Readonly<Record<string, unknown>> = set;
  return Object.fromEntries(
    names.map((name) => [name, name in own ? own[name] : name in values ? values[name] : table[name]?.defaultValue]),
  ) as FlagValues<F>;
}

function without<T extends FlagTable, const K extends readonly (keyof T)[]>(table: T, names: K): Omit<T, K[number]> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name))) as Omit<T, K[number]>;
}
