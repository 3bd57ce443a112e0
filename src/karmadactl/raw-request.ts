/** `--raw`: a request to a path of the server's, whatever it is. */
import type { Client, Method } from '../client/client.ts';
import { readText } from '../client/response.ts';
import type { CommandIo } from './command.ts';
import { readTexts } from './manifests.ts';

/** The text of the one file that is sent as it is. */
export async function readRawBody(filename: readonly string[], io: CommandIo): Promise<string> {
  const [name = '', ...more] = filename;
  if (more.length > 0) throw new Error('--raw can only use a single local file or stdin');
  if (/^https?:\/\//.test(name)) throw new Error('--raw cannot read from a url');
  const [source] = await readTexts([name], false, io);
  return source?.text ?? '';
}

/** Prints the answer as it comes. */
export async function sendRaw(
  client: Client,
  method: Method,
  path: string,
  body: string | undefined,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  if (!path.startsWith('/'))
    throw new Error(`--raw must be a valid URL path: parse ${JSON.stringify(path)}: invalid URI for request`);
  const headers = { 'content-type': 'application/json' };
  const request = { method, path, headers, ...(body === undefined ? {} : { body }), signal };
  io.stdout(await readText(await client.transport.request(request), method));
}
