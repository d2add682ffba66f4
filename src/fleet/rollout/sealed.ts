/**
 * Plans and orders lie in a bucket that many can write. Whose they are is known by a signature over their very text, and what they may do at an
 * agent by the scopes that the agent's own configuration gives to the key.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import type { Principal } from '../../kernel/principal.ts';
import type { FleetKey } from '../../settings/types.ts';
import { knownKeys, publicTextOf } from '../signature.ts';

/** What a text is signed as, so that none is taken for another. */
export type SealKind = 'plan' | 'order';

interface Sealed {
  readonly payload: string;
  /** Public half of the key that signed, as in the configuration. */
  readonly key: string;
  readonly signature: string;
}

export type Opened =
  | { readonly ok: true; readonly payload: string; readonly principal: Principal }
  /** Nobody vouches for the payload. */
  | { readonly ok: false; readonly payload: string; readonly why: string };

function bytesOf(kind: SealKind, payload: string): Buffer {
  return Buffer.from(`sboxagent-fleet-${kind}-1\n${payload}`);
}

export function seal(kind: SealKind, body: object, key: KeyObject): string {
  const payload = JSON.stringify(body);
  const sealed: Sealed = { payload, key: publicTextOf(key), signature: sign(null, bytesOf(kind, payload), key).toString('base64url') };
  return JSON.stringify(sealed);
}

/** Opens what was sealed by one of the keys. */
export function createOpener(keys: readonly FleetKey[]): (kind: SealKind, text: string) => Opened {
  const known = knownKeys(keys);
  return (kind, text) => {
    const sealed = parseSealed(text);
    if (sealed === undefined) return { ok: false, payload: '', why: `it is no signed ${kind}` };
    const { payload } = sealed;
    const found = known.get(sealed.key);
    if (found === undefined) return { ok: false, payload, why: 'the key that signed it is not among fleet.keys of this agent' };
    const isGenuine = verify(null, bytesOf(kind, payload), found.key, Buffer.from(sealed.signature, 'base64url'));
    return isGenuine
      ? { ok: true, payload, principal: found.principal }
      : { ok: false, payload, why: `the signature is not of this ${kind}` };
  };
}

/** The text of what was sealed, whoever did it: for people who look. undefined: it is none. */
export function payloadOf(text: string): string | undefined {
  return parseSealed(text)?.payload;
}

function parseSealed(text: string): Sealed | undefined {
  try {
    const value = JSON.parse(text) as Partial<Sealed> | null;
    const { payload, key, signature } = value ?? {};
    if (typeof payload !== 'string' || typeof key !== 'string' || typeof signature !== 'string') return undefined;
    return { payload, key, signature };
  } catch {
    return undefined;
  }
}
