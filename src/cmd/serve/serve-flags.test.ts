/** docs/reference/serve.md: the flags are those of the parts, and what differs stands in its table. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Flag } from '../../component/flags.ts';
import { apiServerFlags } from '../programs/apiserver-flags.ts';
import { controllerManagerFlags } from '../programs/controller-manager-flags.ts';
import { kubeControllerManagerFlags } from '../programs/kube-controller-manager.ts';
import { schedulerFlags } from '../programs/scheduler.ts';
import { serveFlags, valuesFor } from './serve-flags.ts';

type Table = Readonly<Record<string, Flag<unknown>>>;
const parts = [
  apiServerFlags,
  controllerManagerFlags,
  kubeControllerManagerFlags,
  schedulerFlags,
] as unknown as Table[];
const own = serveFlags as unknown as Table;
const page = readFileSync(new URL('../../../docs/reference/serve.md', import.meta.url), 'utf8');
const excepted = (name: string): boolean => page.includes(`\`--${name}\``);
const meaning = (flag: Flag<unknown> | undefined): string =>
  JSON.stringify([flag?.type, flag?.usage, flag?.defaultValue, flag?.shorthand]);

describe('the flags of karmada serve', () => {
  it('are all flags of its parts, with their meaning and default, but for what the reference tells', () => {
    const unlike = parts.flatMap((table) =>
      Object.keys(table).filter((name) => meaning(table[name]) !== meaning(own[name]) && !excepted(name)),
    );
    expect([...new Set(unlike)]).toEqual([]);
  });

  it('are no others, but for what the reference tells', () => {
    const names = new Set(parts.flatMap((table) => Object.keys(table)));
    expect(Object.keys(own).filter((name) => !names.has(name) && !excepted(name))).toEqual([]);
  });

  it('reach each part under its own names: given, set by serve, or its own default', () => {
    const given = Object.fromEntries(Object.entries(own).map(([name, { defaultValue }]) => [name, defaultValue]));
    const values = valuesFor(
      kubeControllerManagerFlags,
      { ...given, 'cluster-signing-duration': 5 } as Parameters<typeof valuesFor>[1],
      { controllers: ['namespace'] },
    );
    expect(values['cluster-signing-duration']).toBe(5);
    expect(values.controllers).toEqual(['namespace']);
    expect(values['leader-elect-resource-namespace']).toBe('kube-system');
    expect(Object.keys(values)).toEqual(Object.keys(kubeControllerManagerFlags));
  });
});
