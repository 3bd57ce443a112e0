/** The native layer: the kinds that Kubernetes itself brings, and the one rule for all others. */
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import { cloneJson } from '../../apimachinery/object.ts';
import type { InterpreterLayer, ReflectedStatus } from '../interpreter.ts';
import { daemonSet } from './daemon-set.ts';
import { deployment } from './deployment.ts';
import { secret, serviceAccount } from './identity.ts';
import { cronJob, job } from './job.ts';
import { fieldsAt, type KindInterpreter, type Shared } from './kind-interpreter.ts';
import { ingress, service } from './load-balancer.ts';
import { serviceImport } from './multi-cluster.ts';
import { pod } from './pod.ts';
import { horizontalPodAutoscaler, podDisruptionBudget } from './policy.ts';
import { replicaSet } from './replica-set.ts';
import { statefulSet } from './stateful-set.ts';
import { persistentVolume, persistentVolumeClaim } from './storage.ts';

const kinds: Readonly<Record<string, KindInterpreter>> = {
  'apps/v1/Deployment': deployment,
  'apps/v1/ReplicaSet': replicaSet,
  'apps/v1/StatefulSet': statefulSet,
  'apps/v1/DaemonSet': daemonSet,
  'batch/v1/Job': job,
  'batch/v1/CronJob': cronJob,
  'v1/Pod': pod,
  'v1/Service': service,
  'networking.k8s.io/v1/Ingress': ingress,
  'v1/ServiceAccount': serviceAccount,
  'v1/Secret': secret,
  'v1/PersistentVolume': persistentVolume,
  'v1/PersistentVolumeClaim': persistentVolumeClaim,
  'policy/v1/PodDisruptionBudget': podDisruptionBudget,
  'multicluster.x-k8s.io/v1alpha1/ServiceImport': serviceImport,
  'autoscaling/v2/HorizontalPodAutoscaler': horizontalPodAutoscaler,
};

/** A kind that nobody knows has no replicas, keeps nothing, is not aggregated, reports its whole status and counts as healthy. */
const unknownKind: KindInterpreter = { InterpretStatus: wholeStatus };

export const nativeLayer: InterpreterLayer = {
  name: 'native',
  find(kind, operation) {
    return kinds[`${apiVersionOf(kind)}/${kind.kind}`]?.[operation] ?? unknownKind[operation];
  },
};

function wholeStatus(object: Shared): ReflectedStatus {
  const status = fieldsAt(object, 'status');
  return status === undefined ? null : cloneJson<Record<string, unknown>>(status);
}
