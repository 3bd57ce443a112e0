/** Kyverno: policies of the cluster and of a namespace. */
import { fieldsAt, type KindInterpreter, listAt, reportedStatuses, sumOf, textAt } from '../native/kind-interpreter.ts';
import { fieldOf, latest, mergeConditions, reflect, replaceStatus } from './parts.ts';

const rules = ['validate', 'generate', 'mutate', 'verifyimages'];

const policy: KindInterpreter = {
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    if (typeof status?.['ready'] === 'boolean') return status['ready'];
    return listAt(status, 'conditions').some(
      (each) => each['type'] === 'Ready' && each['status'] === 'True' && textAt(each, 'reason') === 'Succeeded',
    );
  },
  AggregateStatus(object, items) {
    const counts = fieldOf(reportedStatuses(items), 'rulecount');
    return replaceStatus(object, {
      ...latest(items, ['autogen', 'ready']),
      rulecount: Object.fromEntries(rules.map((rule) => [rule, sumOf(counts, rule)])),
      conditions: mergeConditions(items),
    });
  },
  InterpretStatus: reflect('ready', 'conditions', 'autogen', 'rulecount'),
};

export const kyverno: Readonly<Record<string, KindInterpreter>> = {
  'kyverno.io/v1/ClusterPolicy': policy,
  'kyverno.io/v1/Policy': policy,
};
