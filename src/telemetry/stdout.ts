import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { systemClock } from '../kernel/clock.ts';
import type { Destination } from './logger.ts';

/** What may wait for a reader of stdout that has stopped reading; what is over it is lost. */
const maxWaitingBytes = 4 << 20;
/** How often a full pipe is tried again. */
const retryMs = 20;
/** How long the last lines wait for their reader where the program ends at once. */
const exitPatienceMs = 300;

/**
 * Writes to a descriptor without ever waiting for its reader: a pipe that nobody empties must stop neither the agent nor its end, and a
 * thread that is stuck in a write would do just that. A reader that has gone ends the output, not the agent.
 */
export function openDescriptor(fd: number): Destination {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket() ? toPipe(nonBlocking(fd)) : toFile(fd);
  } catch {
    // The agent was started without it.
    return { write: () => {}, drained: () => Promise.resolve() };
  }
}

/**
 * A descriptor of the same pipe that does not block. It is opened anew where that can be done: others who share the pipe, our own stderr
 * among them, must not find it so. A socket (systemd's journal) and a pipe of another user cannot be.
 */
function nonBlocking(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Made for what it does to the descriptor; nothing is written through it.
    new Socket({ fd, readable: false, writable: true }).on('error', () => {}).unref();
    return fd;
  }
}

/** Lines that wait, in order; what is over the bound is lost. */
function createQueue(): { push(line: string): boolean; take(): Buffer; putBack(rest: Buffer): void; isEmpty(): boolean; clear(): void } {
  let lines: (string | Buffer)[] = [];
  let bytes = 0;
  const clear = (): void => {
    lines = [];
    bytes = 0;
  };
  return {
    push(line) {
      if (bytes + line.length > maxWaitingBytes) return false;
      bytes += line.length;
      lines.push(line);
      return true;
    },
    take() {
      const all = Buffer.concat(lines.map((line) => (typeof line === 'string' ? Buffer.from(line) : line)));
      clear();
      return all;
    },
    putBack(rest) {
      if (rest.length === 0) return;
      lines.unshift(rest);
      bytes += rest.length;
    },
    isEmpty: () => lines.length === 0,
    clear,
  };
}

/** Those who wait until nothing waits. */
function createDrained(busy: () => boolean): { readonly drained: () => Promise<void>; settle(): void } {
  const listeners: (() => void)[] = [];
  return {
    drained: () => new Promise((resolve) => (busy() ? void listeners.push(resolve) : resolve())),
    settle() {
      for (const fn of listeners.splice(0)) fn();
    },
  };
}

function toPipe(fd: number): Destination {
  const queue = createQueue();
  const drain = createDrained(() => !queue.isEmpty());
  let gone = false;
  let waiting = false;
  /** Gives the pipe what it takes; answers whether something is left. */
  const send = (): boolean => {
    const all = queue.take();
    let sent = 0;
    try {
      while (sent < all.length) sent += writeSync(fd, all, sent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') queue.putBack(all.subarray(sent));
      else gone = true;
    }
    if (queue.isEmpty()) drain.settle();
    return !queue.isEmpty();
  };
  const later = (): void => {
    waiting = send();
    if (waiting) systemClock.after(retryMs, later);
  };
  process.once('exit', () => {
    const end = systemClock.monotonicMs() + exitPatienceMs;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (!queue.isEmpty() && send() && systemClock.monotonicMs() < end) Atomics.wait(pause, 0, 0, 5);
  });
  return {
    write(line) {
      if (!gone && queue.push(line) && !waiting) later();
    },
    drained: drain.drained,
  };
}

/** Off the event loop, as many lines at once as wait: a disk may be slow. */
function toFile(fd: number): Destination {
  const queue = createQueue();
  let busy = false;
  let gone = false;
  const drain = createDrained(() => busy);
  const send = (buffer: Buffer): void =>
    write(fd, buffer, (error, written) => {
      if (!error && written < buffer.length) return send(buffer.subarray(written));
      // A full disk loses these lines and may take later ones.
      gone ||= error?.code === 'EPIPE' || error?.code === 'EBADF';
      next();
    });
  const next = (): void => {
    if (gone) queue.clear();
    busy = !queue.isEmpty();
    if (busy) send(queue.take());
    else drain.settle();
  };
  process.once('exit', () => {
    try {
      if (!gone && !queue.isEmpty()) writeSync(fd, queue.take());
    } catch {
      // The program ends; nothing more can be done for these lines.
    }
  });
  return {
    write(line) {
      if (!gone && queue.push(line) && !busy) next();
    },
    drained: drain.drained,
  };
}
