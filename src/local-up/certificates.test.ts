import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../apimachinery/clock.ts';
import { type EnvironmentPki, ensurePki } from './certificates.ts';

const dayMs = 24 * 3600 * 1000;
const inDays = (days: number) => ({ ...systemClock, now: () => systemClock.now() + days * dayMs });
const address = '127.99.128.10';

let folder: string;
let first: EnvironmentPki;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'karmada-pki-'));
  first = await ensurePki(folder, address);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('ensurePki', () => {
  it('keeps what is there while more than 30 days are left', async () => {
    expect(await ensurePki(folder, address, inDays(334))).toEqual(first);
  });

  it('writes keys and certificates that only their owner may read', () => {
    for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  });

  it('gives every component an identity of its own, signed by the one authority', () => {
    const ca = new X509Certificate(first.ca.cert);
    const leaves = [first.serving, first.admin, first.agent, ...Object.values(first.clients)];
    for (const { cert } of leaves) expect(new X509Certificate(cert).verify(ca.publicKey)).toBe(true);
    expect(new Set(leaves.map(({ cert }) => new X509Certificate(cert).subject)).size).toBe(leaves.length);
  });

  it('makes a serving certificate for another address beside the old one', async () => {
    const moved = await ensurePki(folder, '127.98.128.10');
    expect(new X509Certificate(moved.serving.cert).checkIP('127.98.128.10')).toBe('127.98.128.10');
    expect(moved.ca).toEqual(first.ca);
    expect((await ensurePki(folder, address)).serving).toEqual(first.serving);
  });

  it('renews every leaf when less than 30 days are left, and keeps authority and signing key', async () => {
    const renewed = await ensurePki(folder, address, inDays(336));
    expect(renewed.ca).toEqual(first.ca);
    expect(renewed.serviceAccount).toEqual(first.serviceAccount);
    expect(renewed.serving.cert).not.toBe(first.serving.cert);
    expect(renewed.admin.cert).not.toBe(first.admin.cert);
    expect(renewed.agent.cert).not.toBe(first.agent.cert);
    for (const [name, pair] of Object.entries(renewed.clients)) expect(pair.cert).not.toBe(first.clients[name]?.cert);
  });
});
