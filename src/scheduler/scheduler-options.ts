/** Settings that cannot work: found at start, all told at once. */
import { readFileSync } from 'node:fs';
import type { KeyPair } from '../component/certificates.ts';

export function schedulerNameProblems(schedulerName: string): string[] {
  return schedulerName === '' ? ['Options.SchedulerName: Invalid value: "": should not be empty'] : [];
}

/** Throws an Error that lists every problem. */
export function assertNoProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`);
}

/** Undefined without files. Throws when only one is given, or one cannot be read. */
export function readKeyPair(certFile: string, keyFile: string): KeyPair | undefined {
  if (certFile === '' && keyFile === '') return undefined;
  if (certFile === '' || keyFile === '')
    throw new Error('--decisions-tls-cert-file and --decisions-tls-private-key-file belong together');
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
