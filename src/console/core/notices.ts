import { type ReadonlySignal, signal } from '@preact/signals';
import { after } from './time.ts';

export interface Notice {
  readonly id: number;
  readonly kind: 'ok' | 'bad';
  readonly text: string;
}

export interface Notices {
  readonly all: ReadonlySignal<readonly Notice[]>;
  say(kind: Notice['kind'], text: string): void;
  drop(id: number): void;
}

const most = 4;
const shownMs = { ok: 4000, bad: 12_000 } as const;

/** What was done, or could not be, at the edge of the page. */
export function createNotices(): Notices {
  const all = signal<readonly Notice[]>([]);
  let last = 0;
  const drop = (id: number): void => {
    all.value = all.value.filter((one) => one.id !== id);
  };
  return {
    all,
    drop,
    say(kind, text) {
      const id = ++last;
      all.value = [...all.value, { id, kind, text }].slice(-most);
      after(shownMs[kind], () => drop(id));
    },
  };
}
