/**
 * Who calls over NATS is known by a signature, not by a token: a token would be shown to every agent that is called, and one of them could use it
 * on the others. What is signed names the subject, so that a call is good at one agent and once.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Principal } from '../kernel/principal.ts';
import type { FleetKey } from '../settings/types.ts';

/** What a signature stands for. */
export interface SignedCall {
  readonly subject: string;
  /** Where the answer goes. */
  readonly reply: string;
  readonly timeMs: number;
  readonly nonce: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A key as the configuration has it: Ed25519, 32 bytes in base64url. */
function publicKeyOf(text: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text }, format: 'jwk' });
}

/** The public half of a private key, as the configuration has it. */
export function publicTextOf(privateKey: KeyObject): string {
  return String(createPublicKey(privateKey).export({ format: 'jwk' }).x);
}

/** Reads a private key (PEM, PKCS #8). Throws for anything but Ed25519. */
export function privateKeyOf(pem: string): KeyObject {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is a key of ${key.asymmetricKeyType ?? 'no kind'}, not of Ed25519`);
  return key;
}

/** Whom the configuration knows, by the public half of the key. */
export function knownKeys(keys: readonly FleetKey[]): ReadonlyMap<string, { readonly key: KeyObject; readonly principal: Principal }> {
  return new Map(
    keys.map(({ name, publicKey, scopes }) => {
      const id = `fleet:${name}`;
      return [publicKey, { key: publicKeyOf(publicKey), principal: { id, name: id, scopes: new Set(scopes) } }] as const;
    }),
  );
}

export function signCall(call: SignedCall, key: KeyObject): string {
  return sign(null, bytesOf(call), key).toString('base64url');
}

export function isSignedBy(call: SignedCall, signature: string, key: KeyObject): boolean {
  return verify(null, bytesOf(call), key, Buffer.from(signature, 'base64url'));
}

/** No part can run into the next: each is JSON of its own in one list. */
function bytesOf({ subject, reply, timeMs, nonce, headers, body }: SignedCall): Buffer {
  const named = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  const bodyHash = createHash('sha256').update(body).digest('hex');
  return Buffer.from(JSON.stringify(['sboxagent-fleet-call-1', subject, reply, timeMs, nonce, named, bodyHash]));
}
