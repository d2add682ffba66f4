/** The only place of the page that knows the time and sets timers. */
export function nowMs(): number {
  return Date.now();
}

/** Calls `fn` once after `ms`. Answers how to forget it. */
export function after(ms: number, fn: () => void): () => void {
  const timer = setTimeout(fn, ms);
  return () => clearTimeout(timer);
}

/** Calls `fn` each `ms` while the page is in front. Answers how to stop. */
export function every(ms: number, fn: () => void): () => void {
  const timer = setInterval(() => {
    if (!document.hidden) fn();
  }, ms);
  return () => clearInterval(timer);
}

/** Resolves after `ms`, or at once when the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const forget = after(ms, done);
    function done(): void {
      forget();
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
