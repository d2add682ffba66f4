import { useEffect, useRef, useState } from 'preact/hooks';
import { after, every } from './time.ts';

export type Loaded<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready'; readonly value: T; readonly reload: () => void }
  | { readonly kind: 'failed'; readonly error: unknown; readonly reload: () => void };

/** Reads something when the view opens, when `deps` change, and each `everyMs`. What was read stays while it is read again. */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[], everyMs?: number): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ kind: 'loading' });
  const [turn, setTurn] = useState(0);
  const reload = useRef(() => setTurn((n) => n + 1)).current;
  useEffect(() => setLoaded({ kind: 'loading' }), deps);
  useEffect(() => {
    const controller = new AbortController();
    const run = (): void => {
      read(controller.signal).then(
        (value) => !controller.signal.aborted && setLoaded({ kind: 'ready', value, reload }),
        (error: unknown) =>
          !controller.signal.aborted &&
          // What is shown already is better than an error about its refreshment.
          setLoaded((now) => (now.kind === 'ready' ? now : { kind: 'failed', error, reload })),
      );
    };
    run();
    const stop = everyMs === undefined ? undefined : every(everyMs, run);
    return () => {
      stop?.();
      controller.abort();
    };
  }, [...deps, turn]);
  return loaded;
}

/** Runs something for as long as the view is open and `deps` are the same. */
export function useWhile(run: (signal: AbortSignal) => void, deps: readonly unknown[]): void {
  useEffect(() => {
    const controller = new AbortController();
    run(controller.signal);
    return () => controller.abort();
  }, deps);
}

const typingMs = 250;

/** What is typed, when the typing rests. */
export function useSettled(value: string): string {
  const [settled, settle] = useState(value);
  useEffect(() => after(typingMs, () => settle(value)), [value]);
  return settled;
}
