/** `<executable> store migrate`: moves a store between a directory and etcd. */
import { readFile } from 'node:fs/promises';
import { describeFlags, FlagError, flag, parseFlags } from '../component/flags.ts';
import { migrateStore, type Place } from './migrate.ts';
import { type EtcdFlags, etcdFlags, etcdPrefixOf, readEtcdTls } from './store-flags.ts';

const { 'etcd-servers': _, ...etcdAccess } = etcdFlags;

const migrateFlags = {
  from: flag.string('', 'Where the objects are: a directory, or the URLs of etcd servers, comma separated.'),
  to: flag.string('', 'Where they are to be: an empty directory, or etcd servers with nothing at --etcd-prefix.'),
  ...etcdAccess,
};

/** Runs it and returns the exit code. */
export async function runStoreCommand(executable: string, argv: readonly string[]): Promise<number> {
  const usage = `Copies every object to another store and compares the two. Stop every server on the source before. The source stays as it is.

In etcd every object gets a new resourceVersion, in a directory each keeps its own; either way the store goes on with revisions
behind all earlier ones, and clients list anew. What is encrypted stays encrypted with the same keys.

Usage:
  ${executable} store migrate --from=DIR|URLS --to=DIR|URLS [flags]

Flags:
${describeFlags(migrateFlags)}
`;
  const [verb, ...rest] = argv;
  try {
    if (verb === undefined || verb === '--help' || verb === '-h') {
      process.stdout.write(usage);
      return 0;
    }
    if (verb !== 'migrate') throw new FlagError(`unknown command "store ${verb}"; there is migrate`);
    const { values, args, help } = parseFlags(migrateFlags, rest);
    if (help) {
      process.stdout.write(usage);
      return 0;
    }
    if (args.length > 0) throw new FlagError(`unknown argument ${JSON.stringify(args[0])}`);
    for (const name of ['from', 'to'] as const) if (values[name] === '') throw new FlagError(`--${name} is required`);
    const done = await migrateStore(await placeOf(values.from, values), await placeOf(values.to, values));
    process.stdout.write(
      `Migrated ${values.from} to ${values.to}: ${done.keys} keys, ${done.bytes} bytes, sha256 ${done.sha256} on both sides\n` +
        `The store at revision ${done.sourceRevision} goes on at revision ${done.targetRevision}\n`,
    );
    return 0;
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

async function placeOf(text: string, flags: Omit<EtcdFlags, 'etcd-servers'>): Promise<Place> {
  if (!/^https?:\/\//.test(text)) return { kind: 'directory', path: text };
  const tls = await readEtcdTls(flags, (name) => readFile(flags[name], 'utf8'));
  return { kind: 'etcd', servers: text.split(','), tls, prefix: etcdPrefixOf(flags) };
}
