import type { Clock } from '../kernel/clock.ts';
import type { Post } from './payload.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How one POST ended. `message` is for people and names no address. */
export type Outcome =
  | { readonly kind: 'delivered' }
  /** Trying again does not help. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'passing'; readonly message: string; readonly retryAfterMs: number };

export interface DeliveryOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const longestRetryAfterMs = 600_000;

/** One POST: bounded in time, no redirect followed, the answer's body left unread. Never throws. */
export async function deliver(post: () => Post, { fetch, clock, timeoutMs, signal }: DeliveryOptions): Promise<Outcome> {
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort());
  try {
    const { url, headers, body } = post();
    const init: RequestInit = { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.any([signal, late.signal]) };
    const response = await fetch(url, init);
    await response.body?.cancel().catch(() => {});
    return judge(response, clock);
  } catch (error) {
    return { kind: 'passing', message: late.signal.aborted ? `no answer within ${timeoutMs} ms` : causeOf(error), retryAfterMs: 0 };
  } finally {
    cancel();
  }
}

function judge({ status, headers }: Response, clock: Clock): Outcome {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const passing = status >= 500 || status === 408 || status === 429;
  if (passing) return { kind: 'passing', message: `it answered ${status}`, retryAfterMs: retryAfter(headers.get('retry-after'), clock) };
  return { kind: 'refused', message: status < 400 ? `it answered ${status}; redirects are not followed` : `it answered ${status}` };
}

/** Seconds or a date; 0 for none. */
function retryAfter(text: string | null, clock: Clock): number {
  if (text === null) return 0;
  const ms = /^\d{1,9}$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - clock.wallMs();
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), longestRetryAfterMs) : 0;
}

/** The code of what went wrong: messages of sockets and URLs tell the address. */
function causeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string') return code === 'ERR_INVALID_URL' ? 'its address is not valid' : `it cannot be reached (${code})`;
  }
  return 'it cannot be reached';
}
