import type { Context } from './context.ts';
import { printable } from './escape.ts';
import { cutText } from './text-width.ts';

/** What is over sooner is not spoken of. */
const quietMs = 400;
const stepMs = 250;
const usualWidth = 80;
/** To the beginning of the line, the rest of it empty. */
const wipe = '\r\u001b[K';

export interface ProgressLine {
  show(words: string): void;
  /** Before anything else is printed, and at the end. */
  clear(): void;
}

/** One line of stderr that says what is waited for and how long already: on a terminal, and where nothing but a table was asked for. */
export function progressLine({ io, options }: Context): ProgressLine | undefined {
  if (io.progress !== true || (options.output !== 'table' && options.output !== 'wide')) return undefined;
  const startMs = io.clock.monotonicMs();
  let isShown = false;
  return {
    show(words) {
      const waitedMs = io.clock.monotonicMs() - startMs;
      if (waitedMs < quietMs) return;
      const line = printable(`${words} (${Math.floor(waitedMs / 1000)} s)`);
      io.stderr.write(wipe + cutText(line, (io.columns ?? usualWidth) - 1));
      isShown = true;
    },
    clear() {
      if (isShown) io.stderr.write(wipe);
      isShown = false;
    },
  };
}

/** Shows what `describe` answers until the work is done. */
export async function withProgress<T>(context: Context, describe: () => Promise<string> | string, work: Promise<T>): Promise<T> {
  const line = progressLine(context);
  if (line === undefined) return work;
  let isOver = false;
  let isAsking = false;
  const step = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    const words = await Promise.resolve(describe()).catch(() => undefined);
    isAsking = false;
    if (!isOver && words !== undefined) line.show(words);
  };
  const cancel = context.io.clock.every(stepMs, () => void step());
  try {
    return await work;
  } finally {
    isOver = true;
    cancel();
    line.clear();
  }
}
