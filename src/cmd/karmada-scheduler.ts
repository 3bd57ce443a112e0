/** karmada-scheduler in a process of its own. */
import { runProgram } from './programs/run-program.ts';
import { scheduler } from './programs/scheduler.ts';

await runProgram(scheduler);
