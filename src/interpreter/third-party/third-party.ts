/** The third-party layer: custom kinds of well-known projects, as far as each operation needs to know them. */
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { InterpreterLayer } from '../interpreter.ts';
import type { KindInterpreter } from '../native/kind-interpreter.ts';
import { argo } from './argo.ts';
import { flink } from './flink.ts';
import { flux } from './flux.ts';
import { kubeflow } from './kubeflow.ts';
import { kyverno } from './kyverno.ts';
import { openKruise } from './open-kruise.ts';
import { ray } from './ray.ts';
import { spark } from './spark.ts';
import { volcano } from './volcano.ts';

/** By `apiVersion/kind`. */
export const thirdPartyKinds: Readonly<Record<string, KindInterpreter>> = {
  ...openKruise,
  ...argo,
  ...volcano,
  ...kubeflow,
  ...spark,
  ...flink,
  ...flux,
  ...kyverno,
  ...ray,
};

export const thirdPartyLayer: InterpreterLayer = {
  name: 'third-party',
  find(kind, operation) {
    const key = `${apiVersionOf(kind)}/${kind.kind}`;
    return Object.hasOwn(thirdPartyKinds, key) ? thirdPartyKinds[key]?.[operation] : undefined;
  },
};
