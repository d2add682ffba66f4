import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { createKeyedLock } from '../kernel/keyed-lock.ts';
import type { Remember, RememberedAnswer } from './request-procedures.ts';
import type { Store } from './types.ts';

/** Bounds of what is remembered; the oldest answers go first. */
const bounds = { keptMs: 24 * 3_600_000, maxCount: 100_000, maxBytes: 64 * 1024 * 1024 } as const;

/** Makes calls that carry a request_id safe to repeat. */
export interface RequestMemory {
  /**
   * Runs `fn` once per `key` (principal, method, request_id) and answers its bytes to every repetition within 24 h.
   * Where `fn` fails nothing is kept. Throws REQUEST_ID_REUSED when the key came with another `bodyHash` before.
   */
  run(key: string, bodyHash: string, fn: () => Promise<Uint8Array>): Promise<Uint8Array>;
}

export function requestMemory(store: Store & { readonly ageing?: { nowMs(): number } }, clock: Clock): RequestMemory {
  const lock = createKeyedLock();
  const nowMs = (): number => store.ageing?.nowMs() ?? clock.wallMs();
  return {
    run: (key, bodyHash, fn) =>
      lock.run(key, async () => {
        const known = await store.read<RememberedAnswer | undefined>('requests', 'lookup', { key, sinceMs: nowMs() - bounds.keptMs });
        if (known && known.hash !== bodyHash) {
          throw new AgentError('REQUEST_ID_REUSED', 'this request_id came with another request before');
        }
        if (known) return known.response;
        const response = await fn();
        const answer: Remember = { key, hash: bodyHash, response, nowMs: nowMs(), ...bounds };
        // What was done stays done, also where the disk cannot keep the answer.
        await store.write('requests', 'remember', answer).catch(() => {});
        return response;
      }),
  };
}
