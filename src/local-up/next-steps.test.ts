import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { environmentOf } from './environment.ts';
import { nextSteps, shellWord } from './next-steps.ts';

it('prints an export line that a shell reads back, whatever the home is called', () => {
  for (const home of ['/home/ada', '/srv/my karmada', "/srv/ada's $HOME"]) {
    const environment = environmentOf({ HOME: home });
    const line = /^ +export .*$/m.exec(nextSteps(environment, '/opt/karmada/bin'))?.[0] ?? '';
    const read = execFileSync('/bin/sh', ['-c', `${line}; printf %s "$KUBECONFIG"`], { encoding: 'utf8' });
    expect(read).toBe(`${home}/.kube/karmada.config:${home}/.kube/members.config`);
  }
});

it('leaves usual paths unquoted', () => {
  expect(shellWord('/home/ada/.kube/karmada.config:/home/ada/.kube/members.config')).not.toContain("'");
});
