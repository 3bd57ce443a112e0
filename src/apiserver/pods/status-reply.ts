import type { ApiRequest } from '../request.ts';

/** What a subresource answers that has nothing else to say. */
export const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as const;

export const isDryRun = (request: ApiRequest): boolean => request.query.getAll('dryRun').includes('All');
