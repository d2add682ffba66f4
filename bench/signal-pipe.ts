/** A FIFO through which a child says its pid with its first instruction: what is waited for without asking again and again. */
import { execFileSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';

export interface SignalPipe {
  /** Makes the child say its pid and sleep. */
  readonly command: readonly string[];
  /** The next pid that is said. Ask before it can be. Throws after 20 s. */
  next(): Promise<number>;
  close(): void;
}

const PATIENCE_MS = 20_000;

export function openSignalPipe(path: string): SignalPipe {
  execFileSync('mkfifo', ['-m', '600', path]);
  // Open for writing too: the pipe does not end when a child has closed its end.
  const socket = new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), readable: true, writable: false });
  let text = '';
  let told: ((pid: number) => void) | undefined;
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) told?.(Number(line));
  });
  return {
    command: ['/bin/sh', '-c', 'echo $$ >"$1"; exec sleep 3600', 'sh', path],
    next() {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const late = setTimeout(() => reject(new Error('no child said its pid')), PATIENCE_MS);
      told = resolve;
      return promise.finally(() => clearTimeout(late));
    },
    close: () => void socket.destroy(),
  };
}
