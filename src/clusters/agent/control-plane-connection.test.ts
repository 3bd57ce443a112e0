import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { resolveSource } from '../../client/connection.ts';
import { controlPlaneConnection } from './control-plane-connection.ts';

const home = mkdtempSync(join(tmpdir(), 'agent-connection-'));
const file = join(home, 'karmada-kubeconfig');
afterAll(() => rmSync(home, { recursive: true }));

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const write = (ca: string, user: object): void =>
  writeFileSync(
    file,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://karmada:5443', 'certificate-authority-data': base64(ca) } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
const certificate = (cert: string) => ({
  'client-certificate-data': base64(cert),
  'client-key-data': base64('key'),
});

it('takes up another authority and certificate from the file, and bears a broken one', async () => {
  write('ca1', certificate('cert1'));
  const connection = controlPlaneConnection(file, undefined);
  const now = async () => [
    await resolveSource(connection.ca),
    (await resolveSource(connection.clientCertificate))?.cert,
  ];
  expect(await now()).toEqual(['ca1', 'cert1']);
  write('ca2', certificate('cert2'));
  expect(await now()).toEqual(['ca2', 'cert2']);
  writeFileSync(file, 'in the midd');
  expect(await now()).toEqual(['ca2', 'cert2']);
});

it('takes up another token when the one before was refused', async () => {
  write('ca', { token: 'one' });
  const connection = controlPlaneConnection(file, undefined);
  write('ca', { token: 'two' });
  expect(await resolveSource(connection.token)).toBe('one');
  connection.onUnauthorized?.();
  expect(await resolveSource(connection.token)).toBe('two');
});
