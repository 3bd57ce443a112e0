/** karmada-controller-manager: propagation and cluster registration. */
import { assertGatesBuilt, chooseControllers } from '../../propagation/choose-controllers.ts';
import { controllerManagerFlags, controllerManagerName } from './controller-manager-flags.ts';
import type { Program } from './program.ts';

export const controllerManager: Program<typeof controllerManagerFlags, typeof controllerManagerName> = {
  name: controllerManagerName,
  description: `The controllers of a Karmada control plane: they match templates with policies, carry them to member clusters, bring their
status back, and keep the registry of clusters.`,
  examples: `# Run against the control plane of a kubeconfig
    karmada-controller-manager --kubeconfig=karmada.config
    # With preemption among policies, and without synchronising namespaces
    karmada-controller-manager --kubeconfig=karmada.config --feature-gates=PropagationPolicyPreemption=true --controllers='*,-namespace'`,
  flags: controllerManagerFlags,
  async run(flags, context) {
    const enabled = chooseControllers(flags.controllers);
    assertGatesBuilt(flags['feature-gates']);
    const { runControllers } = await import('./controller-manager-run.ts');
    await runControllers(flags, enabled, context);
  },
};
