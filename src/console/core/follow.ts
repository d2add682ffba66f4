import { Code, ConnectError } from '@connectrpc/connect';
import type { Signal } from '@preact/signals';
import { pause } from './time.ts';

/** How the page's streams are: `waiting` while the agent does not answer. */
export type Link = 'connecting' | 'live' | 'waiting';

export interface Follow<T> {
  /** Opens the stream where the last one ended. */
  readonly open: (signal: AbortSignal) => AsyncIterable<T>;
  readonly onMessage: (message: T) => void;
  /** The stream cannot be resumed where it was: begin anew. */
  readonly onLost?: (() => void) | undefined;
  readonly link?: Signal<Link> | undefined;
}

const firstWaitMs = 250;
const longestWaitMs = 5000;

/**
 * Reads a stream for as long as the signal allows: opened again when it ends, also over a restart of the agent. While the page is in the
 * background there is no stream: browsers open six connections to a host, all their windows together.
 */
export async function follow<T>(signal: AbortSignal, options: Follow<T>): Promise<void> {
  let waitMs = firstWaitMs;
  while (!signal.aborted) {
    await visible(signal);
    const hidden = whenHidden(signal);
    try {
      for await (const message of options.open(hidden.signal)) {
        waitMs = firstWaitMs;
        if (options.link !== undefined) options.link.value = 'live';
        options.onMessage(message);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!hidden.signal.aborted) {
        const { code } = ConnectError.from(error);
        // Who may not, or not any more, does not ask again: the session says why.
        if (code === Code.Unauthenticated || code === Code.PermissionDenied) return;
        if (code === Code.OutOfRange || code === Code.InvalidArgument) options.onLost?.();
      }
    } finally {
      hidden.forget();
    }
    if (signal.aborted || hidden.signal.aborted) continue;
    if (options.link !== undefined) options.link.value = 'waiting';
    await pause(waitMs * (0.75 + Math.random() / 2), signal);
    waitMs = Math.min(longestWaitMs, waitMs * 2);
  }
}

/** Resolves when the page is in front. */
function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    document.addEventListener('visibilitychange', done);
    signal.addEventListener('abort', done);
  });
}

/** A signal that fires too when the page goes to the background. */
function whenHidden(signal: AbortSignal): { readonly signal: AbortSignal; readonly forget: () => void } {
  const controller = new AbortController();
  const end = (): void => {
    if (document.hidden || signal.aborted) controller.abort();
  };
  document.addEventListener('visibilitychange', end);
  signal.addEventListener('abort', end);
  end();
  return {
    signal: controller.signal,
    forget() {
      document.removeEventListener('visibilitychange', end);
      signal.removeEventListener('abort', end);
    },
  };
}
