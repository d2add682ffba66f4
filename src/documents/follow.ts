import { statSync } from 'node:fs';
import type { Clock } from '../kernel/clock.ts';

/** A document whose files are followed. */
export interface Followed {
  readonly files: () => readonly string[];
  /**
   * Called when its files are others than before, and have been the same for `stillMs`. Answers how long they have to be still before they
   * count, where that is longer: it is then called again. Never throws.
   */
  readonly take: (stillMs: number) => Promise<number>;
}

export interface FollowOptions {
  readonly clock: Clock;
  /** Asked at every look. */
  readonly documents: () => Iterable<Followed>;
  /** How long the files of a document must have been still: editors and copies write in parts. */
  readonly delayMs: () => number;
}

/** One stat costs some microseconds: 1,000 documents are about one percent of a core. Watches would be as many, and miss network disks. */
const pollMs = 500;
const shortestPollMs = 50;
/** Documents that are read at one look; the others have their turn at the next. */
const mostTaken = 200;

interface Seen {
  readonly identity: string;
  readonly sinceMs: number;
  /** undefined once taken. */
  readonly neededMs: number | undefined;
}

/** Looks after documents that people edit. What lies there at the start counts as a change too; `stop` waits for what is under way. */
export interface Follower {
  start(): void;
  stop(): Promise<void>;
}

export function createFollower({ clock, documents, delayMs }: FollowOptions): Follower {
  let seen = new Map<Followed, Seen>();
  const underway = new Map<Followed, Promise<void>>();
  let cancel: (() => void) | undefined;
  const look = (): void => {
    const next = new Map<Followed, Seen>();
    let taken = 0;
    for (const document of documents()) {
      const now = lookAt(document, seen.get(document), { clock, delayMs });
      next.set(document, now);
      const stillMs = clock.monotonicMs() - now.sinceMs;
      if (now.neededMs === undefined || stillMs < now.neededMs || underway.has(document) || ++taken > mostTaken) continue;
      next.set(document, { ...now, neededMs: undefined });
      const work = document.take(stillMs).then((neededMs) => {
        underway.delete(document);
        const after = seen.get(document);
        // A change that came meanwhile has its own time.
        if (neededMs > stillMs && after?.identity === now.identity) seen.set(document, { ...after, neededMs });
      });
      underway.set(document, work);
    }
    seen = next;
  };
  const again = (): void => {
    cancel = clock.after(Math.min(pollMs, Math.max(shortestPollMs, delayMs() / 2)), () => {
      look();
      again();
    });
  };
  return {
    start() {
      if (cancel !== undefined) return;
      look();
      again();
    },
    async stop() {
      cancel?.();
      await Promise.allSettled(underway.values());
    },
  };
}

function lookAt(document: Followed, before: Seen | undefined, { clock, delayMs }: Omit<FollowOptions, 'documents'>): Seen {
  const identity = identityOf(document.files());
  if (before?.identity === identity) return before;
  return { identity, sinceMs: clock.monotonicMs(), neededMs: delayMs() };
}

/** Without the big integers of the file system's own precision: their making costs more than the call. */
function identityOf(paths: readonly string[]): string {
  return paths.map(identityOfFile).join();
}

function identityOfFile(path: string): string {
  try {
    const s = statSync(path, { throwIfNoEntry: false });
    return s === undefined ? 'ENOENT' : `${s.ino}:${s.size}:${s.mtimeMs}:${s.ctimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
