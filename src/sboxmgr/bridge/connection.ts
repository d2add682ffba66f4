import type { Socket } from 'node:net';
import type { Clock } from '../../kernel/clock.ts';
import { createFrameReader, type Frame, frame } from './frames.ts';
import { type Answer, decode, encode, type Message, noId } from './messages.ts';

/** A frame must be whole within this from its first byte, and a reply taken within it. */
export const frameLimitMs = 30_000;

/** Bytes of half frames over all connections. */
export interface Budget {
  held: number;
  readonly max: number;
  readonly refused: () => void;
}

export interface Connection {
  /** No frame is on its way: since when (monotonic), else undefined. */
  idleSinceMs(): number | undefined;
  /** Answers the request under way, then closes. */
  finish(): void;
  close(): void;
}

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly budget: Budget;
  readonly answer: (message: Message) => Promise<Answer>;
}

/** One client: frame by frame, one reply each, in order; while one is answered nothing more is read. */
export function serveConnection({ socket, clock, budget, answer }: ConnectionOptions): Connection {
  const reader = createFrameReader();
  let counted = 0;
  let busy = false;
  let leaving = false;
  let idleSince = clock.monotonicMs();
  let cancelTimer = (): void => {};
  let waiting: 'frame' | 'quiet' | 'nothing' = 'nothing';

  const account = (held: number): void => {
    budget.held += held - counted;
    counted = held;
  };
  const watchTime = (next: typeof waiting): void => {
    if (next === waiting) return;
    cancelTimer();
    waiting = next;
    // Quiet is not ended: sboxmgr keeps its connection, and would lose the next event.
    if (next === 'quiet') idleSince = clock.monotonicMs();
    if (next !== 'frame') return;
    cancelTimer = clock.after(frameLimitMs, () => refuse('FRAME_TIMEOUT', `a message was not whole within ${frameLimitMs / 1000} s`));
  };
  const stamp = (): string => new Date(clock.wallMs()).toISOString();
  const refuse = (code: string, message: string): void => {
    if (leaving || socket.destroyed) return;
    leaving = true;
    socket.end(frame(encode(noId, { kind: 'error', code, message }, stamp())));
    giveTime();
  };
  const bye = (): void => {
    if (socket.writableEnded) return;
    socket.end();
    giveTime();
  };
  /** Who does not read the last reply is cut off. */
  const giveTime = (): void => {
    socket.resume();
    cancelTimer();
    waiting = 'nothing';
    cancelTimer = clock.after(frameLimitMs, () => socket.destroy());
  };
  const reply = async (next: Frame): Promise<void> => {
    if (next.kind === 'fault') return refuse(next.code, next.message);
    const decoded = decode(next.body);
    const said = decoded.ok ? await answer(decoded.message) : ({ kind: 'error', code: decoded.code, message: decoded.why } as const);
    if (socket.destroyed) return;
    if (!socket.write(frame(encode(decoded.id, said, stamp())))) await drained();
  };
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(frameLimitMs, () => socket.destroy());
      const done = (): void => {
        cancel();
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.once('drain', done);
      socket.once('close', done);
    });
  const pump = async (): Promise<void> => {
    if (busy || leaving) return;
    busy = true;
    for (let next = reader.next(); next !== undefined && !leaving && !socket.destroyed; next = reader.next()) {
      socket.pause();
      watchTime('nothing');
      account(reader.held());
      await reply(next);
    }
    busy = false;
    if (socket.destroyed) return;
    if (leaving) return bye();
    watchTime(reader.held() > 0 ? 'frame' : 'quiet');
    socket.resume();
  };

  socket.on('data', (chunk: Buffer) => {
    if (leaving) return; // a fault closes: what follows is dropped
    reader.push(chunk);
    account(reader.held());
    if (budget.held > budget.max) {
      budget.refused();
      refuse('OVERLOADED', 'too many messages are on their way; try again');
      return;
    }
    if (!busy) watchTime('frame');
    void pump();
  });
  socket.on('end', () => {
    if (!socket.writableEnded) socket.end();
  });
  socket.on('error', () => {}); // its close follows
  socket.once('close', () => {
    cancelTimer();
    account(0);
  });
  watchTime('quiet');

  return {
    idleSinceMs: () => (busy || leaving || waiting !== 'quiet' ? undefined : idleSince),
    finish() {
      if (leaving || socket.destroyed) return;
      leaving = true;
      if (!busy) bye(); // else the reply under way goes out first
    },
    close: () => void socket.destroy(),
  };
}
