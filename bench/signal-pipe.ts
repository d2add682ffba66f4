/** A FIFO through which a child says its pid with its first instruction: what is waited for without asking again and again. */
import { execFileSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';

export interface SignalPipe {
  /** Makes the child say its pid and sleep. */
  readonly command: readonly string[];
  /** The next pid that is said. Ask before it can be. Throws after a minute. */
  next(): Promise<number>;
  /** The next so many. */
  take(count: number): Promise<readonly number[]>;
  close(): void;
}

const PATIENCE_MS = 60_000;

export function openSignalPipe(path: string): SignalPipe {
  execFileSync('mkfifo', ['-m', '600', path]);
  // Open for writing too: the pipe does not end when a child has closed its end.
  const socket = new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), readable: true, writable: false });
  let text = '';
  let waiting: ((pid: number) => void) | undefined;
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) waiting?.(Number(line));
  });
  const take = (count: number): Promise<readonly number[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    const pids: number[] = [];
    const late = setTimeout(() => reject(new Error(`${pids.length} of ${count} children said their pid in ${path}`)), PATIENCE_MS);
    waiting = (pid) => {
      if (pids.push(pid) === count) resolve(pids);
    };
    return promise.finally(() => clearTimeout(late));
  };
  return {
    command: ['/bin/sh', '-c', 'echo $$ >"$1"; exec sleep 3600', 'sh', path],
    next: async () => (await take(1))[0] ?? 0,
    take,
    close: () => void socket.destroy(),
  };
}
