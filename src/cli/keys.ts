import type { Readable } from 'node:stream';
import type { Clock } from '../kernel/clock.ts';

const ctrlC = '\u0003';

/** Keys that are pressed on a terminal. */
export interface Keys {
  /** Waits this long for the next one; undefined where none came. */
  next(ms: number): Promise<string | undefined>;
  /** Gives the terminal back as it was. */
  close(): void;
}

type Terminal = Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): void };

/** Reads keys one by one, unechoed. Ctrl-C stays what it is. Where stdin is no terminal there are no keys, and it is not touched. */
export function openKeys({ stdin, clock }: { readonly stdin: Terminal; readonly clock: Pick<Clock, 'sleep'> }): Keys {
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    return { next: (ms) => clock.sleep(ms).then(() => undefined), close() {} };
  }
  let pressed = Promise.withResolvers<string>();
  const close = (): void => {
    stdin.off('data', take);
    stdin.setRawMode?.(false);
    stdin.pause();
  };
  const take = (chunk: Buffer | string): void => {
    const key = String(chunk);
    if (key.includes(ctrlC)) {
      close();
      process.kill(process.pid, 'SIGINT');
    } else pressed.resolve(key);
  };
  stdin.setRawMode(true);
  stdin.on('data', take).resume();
  return {
    async next(ms) {
      const over = new AbortController();
      const timer = clock.sleep(ms, over.signal).then(
        () => undefined,
        (error: unknown) => {
          if (!over.signal.aborted) throw error;
          return undefined;
        },
      );
      const key = await Promise.race([pressed.promise, timer]);
      over.abort();
      if (key !== undefined) pressed = Promise.withResolvers();
      return key;
    },
    close,
  };
}
