import { describe, expect, it } from 'vitest';
import { expandVariables, isForbiddenVariable, rewriteArgument } from './command-line.ts';

describe('variables in arguments', () => {
  const variables = new Map([['POD_IP', '127.0.0.2']]);
  it.each([
    ['$(POD_IP):80', '127.0.0.2:80'],
    ['$$(POD_IP)', '$(POD_IP)'],
    ['$(OTHER)', '$(OTHER)'],
    ['a$b', 'a$b'],
    ['$$$(POD_IP)', '$127.0.0.2'],
  ])('%s', (text, expected) => {
    expect(expandVariables(text, variables)).toBe(expected);
  });
});

describe('paths in arguments', () => {
  const mounts = [
    { mountPath: '/etc/karmada/', directory: '/home/v/a' },
    { mountPath: '/etc/karmada/pki', directory: '/home/v/b' },
  ];
  it.each([
    ['--config=/etc/karmada/x', '--config=/home/v/a/x'],
    ['--cert=/etc/karmada/pki/tls.crt', '--cert=/home/v/b/tls.crt'],
    ['/etc/karmada', '/home/v/a'],
    ['--config=/etc/karmada2/x', '--config=/etc/karmada2/x'],
    ['--config=x=/etc/karmada', '--config=x=/etc/karmada'],
  ])('%s', (argument, expected) => {
    expect(rewriteArgument(argument, mounts)).toBe(expected);
  });
  it('must not climb out of a volume', () => {
    expect(() => rewriteArgument('--config=/etc/karmada/../passwd', mounts)).toThrow('must not contain ".."');
  });
});

describe('variables a pod may not set', () => {
  it.each(['NODE_OPTIONS', 'NODE_PATH', 'LD_PRELOAD', 'KARMADA_PARENT_PID', 'KARMADA_INSTANCE'])('%s', (name) => {
    expect(isForbiddenVariable(name)).toBe(true);
  });
  it('leaves others alone', () => expect(isForbiddenVariable('MY_NODE_NAME')).toBe(false));
});
