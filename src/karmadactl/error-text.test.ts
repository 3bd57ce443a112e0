import { describe, expect, it } from 'vitest';
import { notFound } from '../apimachinery/status-error.ts';
import { errorText } from './error-text.ts';

describe('several errors at once', () => {
  it('are a line each, as kubectl prints them', () => {
    const pods = { group: '', resource: 'pods' };
    const errors = [notFound(pods, 'a'), notFound(pods, 'b'), new Error('taint "x:NoSchedule" not found')];
    expect(errorText(new AggregateError(errors))).toBe(
      'Error from server (NotFound): pods "a" not found\nError from server (NotFound): pods "b" not found\ntaint "x:NoSchedule" not found',
    );
  });
});
