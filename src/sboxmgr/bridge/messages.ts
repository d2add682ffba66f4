import type { JsonObject } from '../../events/index.ts';

export type Message = Readonly<Record<string, unknown>>;

/** `id` is the JSON of the sender's id, as it was written; `""` where there is none. */
export type Decoded =
  | { readonly ok: true; readonly id: string; readonly message: Message }
  | { readonly ok: false; readonly id: string; readonly code: string; readonly why: string };

export type Answer =
  | { readonly kind: 'success'; readonly data: JsonObject }
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly details?: JsonObject }
  | { readonly kind: 'heartbeat'; readonly heartbeat: JsonObject };

export const noId = '""';
const maxDepth = 64;
/** An id stands in a reply twice. */
const maxIdBytes = 256 << 10;
const decoder = new TextDecoder('utf-8', { fatal: true });

export function isTable(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The message in the body of a frame. Never throws. */
export function decode(body: Buffer): Decoded {
  const bad = (code: string, why: string, id = noId): Decoded => ({ ok: false, id, code, why });
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    return bad('INVALID_UTF8', 'the message is not UTF-8');
  }
  if (isDeep(text)) return bad('JSON_TOO_DEEP', `the message is nested more than ${maxDepth} deep`);
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    return bad('INVALID_JSON', `the message is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
  }
  if (!isTable(message)) return bad('INVALID_MESSAGE', 'the message must be a JSON object');
  const { id } = message;
  if (typeof id === 'number') return { ok: true, id: numberAsWritten(text) ?? String(id), message };
  if (typeof id !== 'string') return bad('INVALID_MESSAGE', 'the message must have an id: a text');
  const json = JSON.stringify(id);
  if (Buffer.byteLength(json) > maxIdBytes) return bad('INVALID_MESSAGE', `the id is longer than ${maxIdBytes} bytes`);
  return { ok: true, id: json, message };
}

/** Counted on the text: what is built from a hostile one is walked by recursion somewhere. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // a string, up to its closing quote
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > maxDepth) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth--;
    }
  }
  return false;
}

/** The id's own digits: as a double it might come back as another number. */
function numberAsWritten(text: string): string | undefined {
  const found = new WeakMap<object, string>();
  const root: unknown = JSON.parse(text, function (this: object, key: string, value: unknown, context?: { readonly source?: string }) {
    if (key === 'id' && typeof value === 'number' && context?.source !== undefined) found.set(this, context.source);
    return value;
  });
  return isTable(root) ? found.get(root) : undefined;
}

/** The one reply to a request. Details and data are objects, always; nothing is null. */
export function encode(id: string, answer: Answer, timestamp: string): string {
  const head = `{"id":${id},"type":"${answer.kind === 'heartbeat' ? 'heartbeat' : 'response'}","timestamp":${JSON.stringify(timestamp)}`;
  switch (answer.kind) {
    case 'heartbeat':
      return `${head},"heartbeat":${JSON.stringify(answer.heartbeat)}}`;
    case 'success':
      return `${head},"response":{"status":"success","request_id":${id},"data":${JSON.stringify(answer.data)}}}`;
    case 'error': {
      const { code, message, details = {} } = answer;
      return `${head},"response":{"status":"error","request_id":${id},"error":${JSON.stringify({ code, message, details })}}}`;
    }
  }
}
