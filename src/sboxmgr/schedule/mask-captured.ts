/**
 * What sboxmgr prints names servers as they are: share links, whose every part is a secret, and the UUIDs of users, which are
 * passwords. They are masked here, where it is known whose output it is: elsewhere a UUID is a name like any other.
 */
import type { Json, JsonObject } from '../../events/index.ts';
import { mask, redactText } from '../../kernel/redaction.ts';

/** A UUID that names a story or a message is how it is found. */
const harmless = /(?:^|[_.-])(?:trace|correlation|request|event|session|span|run|message)[_-]?id$/i;
const uuid =
  /(?<!(?:trace|correlation|request|event|session|span|run|message)[_-]?id["']?\s{0,4}[=:]\s{0,4}["']?)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi;
const shareLink =
  /\b(vless|vmess|trojan|ssr?|hysteria2?|hy2|tuic|wireguard|wg|ssh|anytls|shadowtls|naive\+(?:https|quic)):\/\/(?!\*\*\*)[^\s'"<>]+/gi;

export function maskCaptured(text: string): string {
  return redactText(text.replaceAll(shareLink, `$1://${mask}`)).replaceAll(uuid, mask);
}

/** The same for every text of a document. What stands under a secret's name is masked where the document is stored. */
export function maskCapturedData<T extends Json>(value: T, name = ''): T {
  return masked(value, name) as T;
}

function masked(value: Json, name: string): Json {
  if (typeof value === 'string') return harmless.test(name) ? value : maskCaptured(value);
  if (Array.isArray(value)) return value.map((item: Json) => masked(item, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, item]) => [key, masked(item, key)]));
}
