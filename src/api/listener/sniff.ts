import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';

/** What every HTTP/2 client sends first (RFC 9113, section 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/**
 * Tells HTTP/2 with prior knowledge from HTTP/1.1 by the first bytes, which stay unread in the socket. `done` is called
 * as soon as they differ from the preface, or when it is whole; a client that gets neither far within `timeoutMs` is closed.
 */
export function sniff(socket: Socket, options: { clock: Clock; timeoutMs: number }, done: (protocol: 'h1' | 'h2') => void): void {
  let seen = Buffer.alloc(0);
  const stop = (): void => {
    cancel();
    socket.off('readable', read).off('end', leave).off('close', stop);
  };
  const leave = (): void => {
    stop();
    socket.destroy();
  };
  const read = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const alike = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (alike && length < preface.length) return;
    stop();
    socket.unshift(seen);
    done(alike ? 'h2' : 'h1');
  };
  const cancel = options.clock.after(options.timeoutMs, leave);
  socket.on('readable', read).on('end', leave).on('close', stop);
}
