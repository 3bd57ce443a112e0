/** `<executable> snapshot save|restore`: backup and restore from the command line. */
import { describeFlags, FlagError, flag, parseFlags } from '../../component/flags.ts';
import { StoreDirectoryError } from './directory.ts';
import { defaultRevisionBump, restoreSnapshot, saveSnapshot } from './snapshot.ts';
import { SnapshotError, type SnapshotSummary } from './snapshot-file.ts';

const restoreFlags = {
  'data-dir': flag.string('', 'The directory to make the store in: empty, or yet to be made.'),
  'bump-revision': flag.int(
    defaultRevisionBump,
    'How far behind the revision of the snapshot the restored store begins. It must be more than what was written after the snapshot, so that no client takes a new revision for an old one.',
  ),
};

/** Runs it and returns the exit code. `defaultDirectory` is where the executable keeps its store. */
export async function runSnapshotCommand(
  executable: string,
  argv: readonly string[],
  defaultDirectory: string,
): Promise<number> {
  const saveFlags = {
    'data-dir': flag.string(defaultDirectory, 'The directory of the store. A server may be running on it.'),
  };
  const usage = {
    save: `Writes the newest state of a store to a file, also while a server runs on it. The file is complete or not there.

Usage:
  ${executable} snapshot save PATH [flags]

Flags:
${describeFlags(saveFlags)}
`,
    restore: `Makes a store of a snapshot in an empty directory. Start the server on it afterwards; its clients list anew.

Usage:
  ${executable} snapshot restore PATH --data-dir=DIR [flags]

Flags:
${describeFlags(restoreFlags)}
`,
  };
  const [verb, ...rest] = argv;
  try {
    if (verb === undefined || verb === '--help' || verb === '-h') {
      process.stdout.write(`${usage.save}\n${usage.restore}`);
      return 0;
    }
    if (verb === 'save') {
      const { values, args, help } = parseFlags(saveFlags, rest);
      if (help) process.stdout.write(usage.save);
      else print('Saved', await saveSnapshot(values['data-dir'], onlyPath(args), new Date()), onlyPath(args));
      return 0;
    }
    if (verb !== 'restore') throw new FlagError(`unknown command "snapshot ${verb}"; there are save and restore`);
    const { values, args, help } = parseFlags(restoreFlags, rest);
    if (help) {
      process.stdout.write(usage.restore);
      return 0;
    }
    if (values['data-dir'] === '') throw new FlagError('--data-dir is required');
    if (values['bump-revision'] < 0) throw new FlagError('--bump-revision must not be negative');
    const path = onlyPath(args);
    const restored = await restoreSnapshot(path, values['data-dir'], values['bump-revision']);
    print('Restored', restored, path);
    process.stdout.write(`The store in ${values['data-dir']} begins at revision ${restored.restoredRevision}\n`);
    return 0;
  } catch (error) {
    if (!isExpected(error)) throw error;
    process.stderr.write(`error: ${error.message}\n`);
    return 1;
  }
}

function onlyPath(args: readonly string[]): string {
  const [path, ...more] = args;
  if (path === undefined || path === '' || more.length > 0)
    throw new FlagError('exactly one argument is expected: the path of the snapshot');
  return path;
}

function print(done: string, { keys, bytes, revision, sha256 }: SnapshotSummary, path: string): void {
  process.stdout.write(`${done} ${path}: ${keys} objects, ${bytes} bytes, revision ${revision}, sha256 ${sha256}\n`);
}

/** Told in one line; anything else is a fault of ours. */
function isExpected(error: unknown): error is Error {
  return (
    error instanceof FlagError ||
    error instanceof StoreDirectoryError ||
    error instanceof SnapshotError ||
    (error instanceof Error && 'syscall' in error)
  );
}
