import type { Verdict } from '../access/index.ts';
import type { ErrorReason } from '../kernel/catalogue.ts';
import type { Clock } from '../kernel/clock.ts';
import type { FleetKey } from '../settings/types.ts';
import { isSignedBy, knownKeys, type SignedCall } from './signature.ts';

/** How far the clocks of caller and agent may lie apart, in both directions. */
const skewMs = 60_000;
/** Calls that are remembered, so that none is made twice by who has overheard it; more than these within `skewMs` are refused. */
const maxNonces = 50_000;

export interface SignedBy {
  readonly call: SignedCall;
  /** Of the public key. */
  readonly key: string | undefined;
  readonly signature: string | undefined;
}

const refused = (reason: ErrorReason, message: string): Verdict => ({ ok: false, reason, message });

/** Judges who calls, by the keys of the configuration. */
export function createCallerJudge(keys: readonly FleetKey[], clock: Clock): (signed: SignedBy) => Verdict {
  const known = knownKeys(keys);
  /** Nonce -> when it may be forgotten, oldest first. */
  const seen = new Map<string, number>();
  const forgetOld = (nowMs: number): void => {
    for (const [nonce, untilMs] of seen) {
      if (untilMs > nowMs) return;
      seen.delete(nonce);
    }
  };
  return ({ call, key, signature }) => {
    if (key === undefined || signature === undefined) return refused('TOKEN_MISSING', 'the call is not signed');
    const found = known.get(key);
    if (found === undefined) return refused('TOKEN_INVALID', 'the key that signed is not among fleet.keys of this agent');
    if (!isSignedBy(call, signature, found.key)) return refused('TOKEN_INVALID', 'the signature is not of this call');
    if (Math.abs(clock.wallMs() - call.timeMs) > skewMs)
      return refused('TOKEN_EXPIRED', `the call was signed more than ${skewMs / 1000} s from the time of this agent: set the clocks`);
    const nowMs = clock.monotonicMs();
    forgetOld(nowMs);
    const nonce = `${key} ${call.nonce}`;
    if (seen.has(nonce)) return refused('TOKEN_INVALID', 'the call was made before: each is signed for once');
    if (seen.size >= maxNonces) return refused('RATE_LIMITED', 'too many calls over the fleet within two minutes');
    seen.set(nonce, nowMs + 2 * skewMs);
    return { ok: true, principal: found.principal };
  };
}
