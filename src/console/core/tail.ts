import { type ReadonlySignal, signal } from '@preact/signals';

/** The newest of what a stream brings, drawn once a frame however much comes. */
export interface Tail<T> {
  readonly rows: ReadonlySignal<readonly T[]>;
  /** How many came while it was paused. */
  readonly waiting: ReadonlySignal<number>;
  add(rows: readonly T[]): void;
  pause(paused: boolean): void;
  clear(): void;
}

/** Keeps `most` rows; those that came while it is paused are shown when it goes on. */
export function createTail<T>(most: number): Tail<T> {
  const rows = signal<readonly T[]>([]);
  const waiting = signal(0);
  let come: T[] = [];
  let frame = 0;
  let paused = false;
  const show = (): void => {
    frame = 0;
    if (paused) {
      waiting.value = come.length;
      return;
    }
    rows.value = [...rows.value, ...come].slice(-most);
    come = [];
    waiting.value = 0;
  };
  const schedule = (): void => {
    if (frame === 0) frame = requestAnimationFrame(show);
  };
  return {
    rows,
    waiting,
    add(next) {
      come = [...come, ...next].slice(-most);
      schedule();
    },
    pause(next) {
      paused = next;
      schedule();
    },
    clear() {
      come = [];
      rows.value = [];
      schedule();
    },
  };
}
