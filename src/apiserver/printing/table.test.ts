import { describe, expect, it } from 'vitest';
import type { Unstructured } from '../../apimachinery/object.ts';
import { partialObjectMetadata, statusTable, toTable } from './table.ts';

const role: Unstructured = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'r', namespace: 'n', creationTimestamp: '2026-01-02T03:04:05Z', resourceVersion: '7' },
  rules: [],
};
const now = Date.parse('2026-01-02T04:04:05Z');

describe('toTable', () => {
  it('prints a kind without columns as Name and Created At, with all five keys of each column', () => {
    const table = toTable({}, [role], { resourceVersion: '7' }, { now });
    expect(table).toEqual({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '7' },
      columnDefinitions: [
        { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 },
        { name: 'Created At', type: 'date', format: '', description: '', priority: 0 },
      ],
      rows: [{ cells: ['r', '2026-01-02T03:04:05Z'], object: partialObjectMetadata(role) }],
    });
  });

  it('follows includeObject', () => {
    const rowObject = (includeObject: 'None' | 'Metadata' | 'Object') =>
      toTable({}, [role], {}, { now, includeObject }).rows[0]?.object;
    expect(rowObject('None')).toBeUndefined();
    expect(rowObject('Metadata')).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: role.metadata,
    });
    expect(rowObject('Object')).toBe(role);
  });

  it('marks finished pods', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, status: { phase: 'Failed' } };
    expect(toTable({}, [pod], {}, { now }).rows[0]?.conditions).toEqual([
      { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' },
    ]);
  });

  it('shows an unexpected shape as <error> instead of failing', () => {
    const columns = [
      {
        name: 'Name',
        type: 'string' as const,
        cell: () => {
          throw new Error('boom');
        },
      },
    ];
    expect(toTable({ columns }, [role], {}, { now }).rows[0]?.cells).toEqual(['<error>']);
  });
});

it('prints a Status as Status, Reason, Message', () => {
  expect(statusTable({ status: 'Success' }).rows).toEqual([{ cells: ['Success', '', ''] }]);
});
