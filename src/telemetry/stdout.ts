import pino from 'pino';
import type { Destination } from './logger.ts';

/** What may wait for a reader of stdout that has stopped reading; what is over it is lost. */
const maxWaitingBytes = 4 << 20;

/**
 * Writes to a descriptor without ever waiting for its reader: a pipe that nobody empties must not stop the agent. When the
 * program ends, what waits is flushed. A reader that has gone (EPIPE) ends the output, not the agent.
 */
export function openDescriptor(fd: number): Destination {
  const stream = pino.destination({ fd, sync: false, minLength: 0, maxLength: maxWaitingBytes });
  let gone = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    gone ||= error.code === 'EPIPE' || error.code === 'EBADF';
  });
  return {
    write(line) {
      if (!gone) stream.write(line);
    },
    flush() {
      if (gone) return;
      try {
        stream.flushSync();
      } catch {
        // Not open yet, or the reader has gone: nothing more can be done for these lines.
      }
    },
  };
}
