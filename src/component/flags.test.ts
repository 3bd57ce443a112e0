import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';
import { featureGatesFlag, parseFeatureGates } from './feature-gates.ts';
import { describeFlags, FlagError, flag, parseFlags } from './flags.ts';

const table = {
  name: flag.string('', 'A name.', { shorthand: 'n' }),
  v: flag.int(0, 'Verbosity.', { shorthand: 'v' }),
  'leader-elect': flag.bool(true, 'Elect.'),
  'retry-period': flag.duration(2000, 'Period.'),
  controllers: flag.list(['*'], 'Controllers.'),
  qps: flag.float(40, 'Rate.'),
  'failover-eviction-timeout': flag.duration(300_000, 'Old.', { deprecated: 'it has no effect' }),
  'feature-gates': featureGatesFlag(),
};

describe('parseFlags', () => {
  it('gives defaults for what is not given', () => {
    const { values, given } = parseFlags(table, []);
    expect(values).toMatchObject({ name: '', v: 0, 'leader-elect': true, 'retry-period': 2000, controllers: ['*'] });
    expect(given.size).toBe(0);
  });

  it.each([
    [['--v=4'], { v: 4 }],
    [['--v', '4'], { v: 4 }],
    [['-v', '4'], { v: 4 }],
    [['-v4'], { v: 4 }],
    [['-v=4'], { v: 4 }],
    [['--leader-elect=false'], { 'leader-elect': false }],
    [['--leader-elect'], { 'leader-elect': true }],
    [['--leader_elect=false'], { 'leader-elect': false }],
    [['--retry-period=1h2m3s'], { 'retry-period': 3_723_000 }],
    [['--controllers=a,b', '--controllers', 'c'], { controllers: ['a', 'b', 'c'] }],
    [['--qps=0.5'], { qps: 0.5 }],
    [['--name', '--v'], { name: '--v' }],
  ])('reads %j', (argv, expected) => {
    expect(parseFlags(table, argv).values).toMatchObject(expected);
  });

  it.each([
    [['--x'], 'unknown flag: --x'],
    [['--x=1'], 'unknown flag: --x'],
    [['--constructor=1'], 'unknown flag: --constructor'],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['--name'], 'flag needs an argument: --name'],
    [['-n'], "flag needs an argument: 'n' in -n"],
    [['--v=a'], 'invalid argument "a" for "-v, --v" flag: strconv.ParseInt: parsing "a": invalid syntax'],
    [['--retry-period=5'], 'invalid argument "5" for "--retry-period" flag: time: missing unit in duration "5"'],
    [
      ['--leader-elect=x'],
      'invalid argument "x" for "--leader-elect" flag: strconv.ParseBool: parsing "x": invalid syntax',
    ],
    [
      ['--feature-gates=No=true'],
      'invalid argument "No=true" for "--feature-gates" flag: unrecognized feature gate: No',
    ],
  ])('refuses %j', (argv, message) => {
    expect(() => parseFlags(table, argv)).toThrow(new FlagError(message));
  });

  it('keeps words that are not flags, and everything after --', () => {
    expect(parseFlags(table, ['a', '-v', '1', 'b', '--', '--c']).args).toEqual(['a', 'b', '--c']);
  });

  it('accepts a deprecated flag with one warning', () => {
    const parsed = parseFlags(table, ['--failover-eviction-timeout=30s', '--failover-eviction-timeout=31s']);
    expect(parsed.values['failover-eviction-timeout']).toBe(31_000);
    expect(parsed.warnings).toEqual(['Flag --failover-eviction-timeout has been deprecated, it has no effect']);
  });

  it('stops at --help', () => {
    expect(parseFlags(table, ['--help']).help).toBe(true);
    expect(parseFlags(table, ['-h']).help).toBe(true);
  });

  it('describes flags with their defaults', () => {
    const text = describeFlags(table);
    expect(text).toContain('  -n, --name string');
    expect(text).toMatch(/--retry-period duration +Period\. \(default 2s\)/);
    expect(text).not.toContain('failover-eviction-timeout');
  });
});

describe('feature gates', () => {
  it('changes what is named and keeps the rest', () => {
    const gates = parseFeatureGates('PropagationPolicyPreemption=true,GracefulEviction=false');
    expect(gates).toMatchObject({
      PropagationPolicyPreemption: true,
      GracefulEviction: false,
      PropagateDeps: true,
      Failover: false,
    });
  });

  it('lets a named gate win over its stage', () => {
    const gates = parseFeatureGates('WorkloadAffinity=false,AllAlpha=true');
    expect(gates).toMatchObject({ WorkloadAffinity: false, MultiClusterService: true, Failover: false });
  });

  it('adds up over several flags', () => {
    const { values } = parseFlags(table, ['--feature-gates=Failover=true', '--feature-gates=AllBeta=false']);
    expect(values['feature-gates']).toMatchObject({ Failover: false, PropagateDeps: false });
  });

  it.each([
    ['Nope=true', 'unrecognized feature gate: Nope'],
    ['Failover', 'missing bool value for Failover'],
    ['Failover=2', 'invalid value of Failover=2, err: strconv.ParseBool: parsing "2": invalid syntax'],
  ])('refuses %s', (text, message) => {
    expect(() => parseFeatureGates(text)).toThrow(message);
  });
});

describe('durations', () => {
  it.each([
    ['0', 0],
    ['1.5h', 5_400_000],
    ['300ms', 300],
    ['1m0s', 60_000],
    ['-2s', -2000],
  ])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', 's', '1x', '1', 'abc'])('refuses %j', (text) => expect(() => parseDuration(text)).toThrow(/^time: /));

  it.each([
    [0, '0s'],
    [60_000, '1m0s'],
    [1_000_000, '16m40s'],
    [3_600_000, '1h0m0s'],
    [1500, '1.5s'],
    [5, '5ms'],
  ])('shows %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
