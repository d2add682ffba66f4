import { statSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { watchDirectories } from './watch-directories.ts';

/** Files that count as one: a document, a certificate with its key. */
export interface Followed {
  /** Asked at every check: a list that changes is followed. */
  readonly files: () => readonly string[];
  /**
   * Called when the files are others than before (replaced, written, made, removed, behind a link as well), and have been the same for
   * `stillMs`. Answers how long they have to be still before they count, where that is longer: it is then called again. Never throws.
   */
  readonly take: (stillMs: number) => Promise<number>;
}

export interface FollowOptions {
  readonly clock: Clock;
  /** Asked at every check. */
  readonly documents: () => Iterable<Followed>;
  /** How long files must have been still: editors and copies write in parts. */
  readonly delayMs: () => number;
}

/** Follows files that others write. */
export interface Follower {
  start(): void;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

/** One stat costs some microseconds: 1,000 files are about one percent of a core. */
const pollMs = 500;
/** Documents that are taken at one check; the others have their turn at the next. */
const mostTaken = 200;

interface Seen {
  readonly identity: string;
  readonly sinceMs: number;
  /** undefined once taken. */
  readonly neededMs: number | undefined;
}

/** The one follower of files: a check of all of them twice a second, and at once where their directories announce a change. */
export function createFollower({ clock, documents, delayMs }: FollowOptions): Follower {
  let seen = new Map<Followed, Seen>();
  const underway = new Map<Followed, Promise<void>>();
  const directories = watchDirectories(() => check());
  let cancelPoll: (() => void) | undefined;
  let cancelSoon: (() => void) | undefined;
  const see = (document: Followed): Seen => {
    const identity = identityOf(document.files());
    const before = seen.get(document);
    return before?.identity === identity ? before : { identity, sinceMs: clock.monotonicMs(), neededMs: delayMs() };
  };
  const take = (document: Followed, now: Seen, stillMs: number): void => {
    const work = document.take(stillMs).then((neededMs) => {
      underway.delete(document);
      const after = seen.get(document);
      // A change that came meanwhile has its own time.
      if (neededMs > stillMs && after?.identity === now.identity) seen.set(document, { ...after, neededMs });
    });
    underway.set(document, work);
  };
  const check = (): void => {
    const next = new Map<Followed, Seen>();
    let taken = 0;
    let soonMs = pollMs;
    for (const document of documents()) {
      const now = see(document);
      next.set(document, now);
      if (now.neededMs === undefined || underway.has(document)) continue;
      const stillMs = clock.monotonicMs() - now.sinceMs;
      if (stillMs < now.neededMs) soonMs = Math.min(soonMs, now.neededMs - stillMs);
      else if (taken++ < mostTaken) {
        next.set(document, { ...now, neededMs: undefined });
        take(document, now, stillMs);
      }
    }
    seen = next;
    directories.follow(pathsOf(next.keys()));
    cancelSoon?.();
    cancelSoon = soonMs < pollMs ? clock.after(soonMs, check) : undefined;
  };
  return {
    start() {
      if (cancelPoll !== undefined) return;
      cancelPoll = clock.every(pollMs, check);
      check();
    },
    async stop() {
      cancelPoll?.();
      cancelSoon?.();
      directories.close();
      await Promise.allSettled(underway.values());
    },
  };
}

/**
 * Calls `changed` when a file is another than before, once they have been still for `stillMs` (default 0), and once at the beginning: they may have
 * been replaced since they were read. Answers how to stop.
 */
export function followFiles(options: {
  readonly files: () => readonly string[];
  readonly clock: Clock;
  readonly stillMs?: number;
  readonly changed: () => void;
}): () => void {
  const { files, clock, stillMs = 0, changed } = options;
  const take = (): Promise<number> => {
    if (files().length > 0) changed();
    return Promise.resolve(0);
  };
  const document: Followed = { files, take };
  const follower = createFollower({ clock, documents: () => [document], delayMs: () => stillMs });
  follower.start();
  return () => void follower.stop();
}

function* pathsOf(documents: Iterable<Followed>): Iterable<string> {
  for (const document of documents) yield* document.files();
}

/** Without the big integers of the file system's own precision: their making costs more than the call. */
function identityOf(paths: readonly string[]): string {
  return paths.map(identityOfFile).join();
}

/** Another one where the file was replaced, written, made or removed: for one stat, which costs some microseconds. Never throws. */
export function identityOfFile(path: string): string {
  try {
    const s = statSync(path, { throwIfNoEntry: false });
    return s === undefined ? `${path}:ENOENT` : `${path}:${s.ino}:${s.size}:${s.mtimeMs}:${s.ctimeMs}`;
  } catch (error) {
    return `${path}:${String((error as NodeJS.ErrnoException).code)}`;
  }
}
