/** Which processes listen on a TCP port: /proc/net/tcp names sockets by inode, /proc/<pid>/fd their owners (proc(5)). Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const listening = '0A';

/** Whether one of these processes itself listens on the port. Cost: the host's sockets plus the processes' files. */
export function listensOn(pids: readonly number[], port: number): boolean {
  const sockets = new Set([...listeners('/proc/net/tcp', port), ...listeners('/proc/net/tcp6', port)]);
  if (sockets.size === 0) return false;
  return pids.some((pid) => openFiles(pid).some((file) => sockets.has(file)));
}

function listeners(table: string, port: number): string[] {
  let text: string;
  try {
    text = readFileSync(table, 'utf8');
  } catch {
    return [];
  }
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return text.split('\n').flatMap((line) => {
    // sl, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode
    const fields = line.trim().split(/\s+/);
    return fields[1]?.endsWith(`:${wanted}`) && fields[3] === listening ? [`socket:[${fields[9]}]`] : [];
  });
}

function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
