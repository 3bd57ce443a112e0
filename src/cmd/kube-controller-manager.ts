/** kube-controller-manager in a process of its own. */
import { kubeControllerManager } from './programs/kube-controller-manager.ts';
import { runProgram } from './programs/run-program.ts';

await runProgram(kubeControllerManager);
