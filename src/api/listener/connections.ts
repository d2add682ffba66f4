import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { within } from '../../kernel/within.ts';

/** Open sockets of one listener: counted, capped, and all destroyed at the end. */
export interface Connections {
  /** False when the cap is reached: the socket is then destroyed already. */
  admit(socket: Socket): boolean;
  count(): number;
  /** Destroys all, after `flushMs` in which those that were told to go may say their last bytes. */
  destroyAll(): Promise<void>;
}

const flushMs = 200;

export function createConnections(options: {
  readonly clock: Clock;
  readonly max: () => number;
  readonly refused: () => void;
}): Connections {
  const open = new Set<Socket>();
  return {
    admit(socket) {
      // Whatever happens to a socket, it is no reason to end the process; its `close` tells all there is to know.
      socket.on('error', () => {});
      if (open.size >= options.max()) {
        options.refused();
        socket.destroy();
        return false;
      }
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      return true;
    },
    count: () => open.size,
    async destroyAll() {
      if (open.size === 0) return;
      const closed = Promise.all([...open].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
      await within(options.clock, flushMs, closed);
      for (const socket of open) socket.destroy();
    },
  };
}
