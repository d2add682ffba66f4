import { constants, fstatSync, openSync, write } from 'node:fs';
import { Socket } from 'node:net';
import { systemClock } from '../kernel/clock.ts';
import type { Destination } from './logger.ts';

/** What may wait for a reader of stdout that has stopped reading; what is over it is lost. */
const maxWaitingBytes = 4 << 20;
const retryMs = 50;

/**
 * Writes to a descriptor without ever waiting for its reader: a pipe that nobody empties must stop neither the agent nor its end. A
 * reader that has gone ends the output, not the agent.
 */
export function openDescriptor(fd: number): Destination {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket() ? toPipe(fd) : toFile(fd);
  } catch {
    // The agent was started without it.
    return { write: () => {}, drained: () => Promise.resolve() };
  }
}

/**
 * A write that would block is the kernel's to tell (EAGAIN), not a thread's to sit out: a thread that is stuck in a write keeps the
 * program from ending.
 */
function toPipe(fd: number): Destination {
  const socket = new Socket({ fd: ownDescription(fd), readable: false, writable: true });
  socket.on('error', () => socket.destroy());
  socket.unref();
  return {
    write(line) {
      if (!socket.destroyed && socket.writableLength < maxWaitingBytes) socket.write(line);
    },
    drained: () =>
      new Promise((resolve) => {
        if (socket.destroyed) return resolve();
        socket.write('', () => resolve());
      }),
  };
}

/** Others who share the pipe, our own stderr among them, must not find it non-blocking: it is opened anew where that can be done. */
function ownDescription(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // A socket, or a pipe of another user.
    return fd;
  }
}

/** Lines are written off the event loop, in order, as many at once as wait. */
function toFile(fd: number): Destination {
  const waiting: string[] = [];
  const listeners: (() => void)[] = [];
  let bytes = 0;
  let busy = false;
  let gone = false;
  const settle = (): void => {
    for (const fn of listeners.splice(0)) fn();
  };
  const next = (): void => {
    if (gone || waiting.length === 0) {
      busy = false;
      settle();
      return;
    }
    busy = true;
    send(Buffer.from(waiting.splice(0).join('')));
    bytes = 0;
  };
  const send = (buffer: Buffer): void =>
    write(fd, buffer, (error, written) => {
      if (error?.code === 'EAGAIN') return void systemClock.after(retryMs, () => send(buffer));
      if (!error && written < buffer.length) return send(buffer.subarray(written));
      // A full disk loses these lines and may take later ones.
      gone ||= error?.code === 'EPIPE' || error?.code === 'EBADF';
      next();
    });
  return {
    write(line) {
      if (gone || bytes + line.length > maxWaitingBytes) return;
      bytes += line.length;
      waiting.push(line);
      if (!busy) next();
    },
    drained: () => new Promise((resolve) => (busy ? void listeners.push(resolve) : resolve())),
  };
}
