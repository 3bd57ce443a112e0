/** karmada-controller-manager in a process of its own. */
import { controllerManager } from './programs/controller-manager.ts';
import { runProgram } from './programs/run-program.ts';

await runProgram(controllerManager);
