import { describe, expect, it } from 'vitest';
import { chooseControllers } from './controller-choice.ts';

const chosen = (...words: string[]) => chooseControllers(words).workloads.map(({ names }) => names[0]);

describe('--controllers', () => {
  it('takes all with a star', () => {
    expect(chosen('*')).toContain('deployment-controller');
    expect(chooseControllers(['*']).others).toEqual(['*']);
  });

  it('leaves out what has a dash, under either name', () => {
    expect(chosen('*', '-deployment', '-job-controller')).not.toContain('deployment-controller');
    expect(chosen('*', '-deployment', '-job-controller')).not.toContain('job-controller');
    expect(chosen('*', '-deployment')).toContain('replicaset-controller');
  });

  it('takes only the named ones without a star', () => {
    expect(chosen('replicaset', 'garbagecollector')).toEqual(['replicaset-controller']);
    expect(chooseControllers(['replicaset', 'garbagecollector']).others).toEqual(['garbagecollector']);
  });

  it('refuses a name that nobody has', () => {
    expect(() => chooseControllers(['*', '-none'])).toThrow('there is no controller "none"; there are: deployment-');
  });
});
