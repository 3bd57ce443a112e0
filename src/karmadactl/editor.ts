/** Lets the user edit a text in the editor of $KUBE_EDITOR or $EDITOR. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flag } from '../component/flags.ts';

export const windowsLineEndingsFlag = flag.bool(false, 'Lines of the edited file end as on Windows.');

/** `extension` with its dot: editors go by it. Resolves with what was saved, with lines that end as on Unix. */
export async function editText(text: string, extension: string, windows = false): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'karmadactl-edit-'));
  const file = join(folder, `edit${extension}`);
  try {
    // What is edited may be a Secret.
    writeFileSync(file, windows ? text.replaceAll('\n', '\r\n') : text, { mode: 0o600 });
    await launch(file);
    return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function launch(file: string): Promise<void> {
  const editor = process.env['KUBE_EDITOR'] || process.env['EDITOR'] || 'vi';
  const [command = 'vi', ...args] = words(editor);
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args, file], { stdio: 'inherit' });
    child.on('error', (error) =>
      reject(new Error(`unable to launch the editor ${JSON.stringify(editor)}`, { cause: error })),
    );
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`there was a problem with the editor ${JSON.stringify(editor)}`));
    });
  });
}

/** `code --wait`, `"/opt/my editor/bin" -n`: split at blanks that are not quoted. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
}
