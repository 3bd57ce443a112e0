/** The scheduler's own record of a decision, from the endpoint of `karmada-scheduler --decisions-bind-address`. */
import { readFileSync } from 'node:fs';
import { createClient } from '../../client/client.ts';
import { createTransport } from '../../client/http-transport.ts';
import type { DecisionEntry } from '../../scheduler/why/decision-log.ts';
import { clientOptions } from '../clients.ts';

export interface DecisionsEndpoint {
  /** `https://127.0.0.1:10359` */
  server: string;
  token: string;
  /** Path of a PEM file; empty: the authorities that Node.js trusts. */
  authorityFile: string;
  skipVerify: boolean;
}

/** A key is `namespace/name`, or the name of a ClusterResourceBinding. */
export function schedulerAsker(
  { server, token, authorityFile, skipVerify }: DecisionsEndpoint,
  signal: AbortSignal,
): (key: string) => Promise<DecisionEntry | undefined> {
  if (!server.startsWith('https://')) throw new Error('--decisions-server must be an https:// address');
  if (token === '') throw new Error('--decisions-server needs a token: give it with --decisions-token');
  const ca = authorityFile === '' ? undefined : readFileSync(authorityFile, 'utf8');
  const connection = {
    server,
    token,
    ca,
    insecure: skipVerify,
  };
  const client = createClient(createTransport(connection, clientOptions));
  return async (key) => {
    try {
      return await client.request<DecisionEntry>('GET', `/decisions/${key}`, { query: { format: 'json' }, signal });
    } finally {
      await client.close();
    }
  };
}
