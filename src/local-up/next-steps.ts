/** What `karmada local up` prints at the end. */
import type { Environment } from './environment.ts';

export function nextSteps(environment: Environment, bin: string): string {
  return `Karmada is ready.

To use it:
  export KUBECONFIG=${shellWord(`${environment.mainKubeconfig}:${environment.memberKubeconfig}`)}

  kubectl --context karmada-apiserver get clusters      the control plane
  kubectl --context karmada-host get deploy -A          the cluster it runs on
  kubectl --context member1 get nodes                   a member cluster (member1, member2, member3)

karmadactl is ${shellWord(`${bin}/karmadactl`)}
Logs are in ${environment.logs}; "${shellWord(`${bin}/karmada`)} local status" shows what runs.
`;
}

/** The text as one word of a POSIX shell: quoted only when it must be, so that usual paths stay easy to read. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
