import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** FD_CLOEXEC as /proc/PID/fdinfo shows it, in octal. */
const closeOnExec = 0o2000000;

/**
 * Closes what this program was itself started with besides 0, 1 and 2, as a daemon does (daemon(7)): such descriptors have no
 * close-on-exec mark, so that every child would get them. What Node opens has the mark. Nothing is closed where a parent talks to
 * this program over a channel of Node's, which may be one of them. `own` are such as the program itself was meant to have: descriptor 3
 * reaches no unit all the same, since the shim has its own there.
 */
export function closeInheritedDescriptors(own: readonly number[] = []): void {
  if (process.channel) return;
  for (const name of listDescriptors()) {
    const fd = Number(name);
    if (fd > 2 && !own.includes(fd) && isInherited(fd)) close(fd);
  }
}

function listDescriptors(): readonly string[] {
  try {
    return readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    return false; // the one that the list itself was read by
  }
}

function close(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // closed meanwhile
  }
}
