/** Which controllers run, said as to kube-controller-manager: `*` for all, `name` for one, `-name` for all but one. */
import { kubeControllerNames } from '../kube-controllers/kube-controllers.ts';
import { type WorkloadController, workloadControllers } from './controllers/controllers.ts';

export interface ControllerChoice {
  workloads: readonly WorkloadController[];
  /** What is left to say to the controllers that every cluster has. */
  others: readonly string[];
}

const bare = (word: string): string => word.replace(/^-/, '');

/** Throws for a name that no controller has. */
export function chooseControllers(words: readonly string[]): ControllerChoice {
  const own = new Set(workloadControllers.flatMap(({ names }) => names));
  const unknown = words.map(bare).filter((word) => word !== '*' && !own.has(word) && !kubeControllerNames.has(word));
  if (unknown.length > 0) {
    const known = [...workloadControllers.map(({ names }) => names[0]), ...kubeControllerNames].join(', ');
    throw new Error(`there is no controller "${unknown[0]}"; there are: ${known}`);
  }
  const isChosen = ({ names }: WorkloadController): boolean => {
    if (names.some((name) => words.includes(name))) return true;
    return words.includes('*') && !names.some((name) => words.includes(`-${name}`));
  };
  return {
    workloads: workloadControllers.filter(isChosen),
    others: words.filter((word) => word === '*' || kubeControllerNames.has(bare(word))),
  };
}
