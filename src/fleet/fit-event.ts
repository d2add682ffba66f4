import type { StoredEvent } from '../events/index.ts';

/**
 * An event as the servers take it, whose messages have a limit: without its data where the whole is larger, and without its attributes where that
 * is still. Only `fleet_truncated_bytes`, the size of the whole, stands there then. `encode`: the JSON of the API.
 */
export function fitEvent(
  event: StoredEvent,
  maxBytes: number,
  encode: (event: StoredEvent) => string,
): { readonly body: string; readonly isCut: boolean } {
  const whole = encode(event);
  const bytes = Buffer.byteLength(whole);
  if (bytes <= maxBytes) return { body: whole, isCut: false };
  const note = { fleet_truncated_bytes: String(bytes) };
  const withAttributes = encode({ ...event, data: undefined, attributes: { ...event.attributes, ...note } });
  if (Buffer.byteLength(withAttributes) <= maxBytes) return { body: withAttributes, isCut: true };
  return { body: encode({ ...event, data: undefined, attributes: note }), isCut: true };
}
