import { isDeeper } from '../../documents/index.ts';
import type { JsonObject } from '../../events/types.ts';
import type { Violation } from '../../kernel/errors.ts';
import { valueBytes } from '../../kernel/wire-size.ts';
import { limits } from './limits.ts';
import type { DocumentRoom } from './room.ts';
import { type Entry, textOf } from './state.ts';

/** Numbers take up to five times the room on the wire that they have in JSON; document and schema go in one message, which clients take up to 4 MiB. */
const wireShare = 2.5;

/** The size and the depth of what came from outside, before anything else looks at it. */
export function weigh(value: JsonObject, field: string, maxBytes: number): readonly Violation[] {
  if (isDeeper(value, limits.depth)) return [{ field, rule: 'depth', message: `must be nested at most ${limits.depth} deep` }];
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > maxBytes) return [{ field, rule: 'max_bytes', message: `must have at most ${maxBytes / 1024} KiB as JSON` }];
  const most = maxBytes * wireShare;
  if (valueBytes(value) <= most) return [];
  return [{ field, rule: 'max_bytes', message: `must take at most ${most / 1024} KiB in a message, where a number takes 11 bytes` }];
}

/** All documents and schemas are held in memory: what they weigh together where this plugin has `own` characters of them. */
export function weighAll(
  room: DocumentRoom,
  { id }: Entry,
  { own, field }: { readonly own: number; readonly field: string },
): readonly Violation[] {
  const others = [...room.entries.values()].filter((other) => other.id !== id);
  const held = others.reduce((sum, other) => sum + (textOf(other)?.length ?? 0) + (other.schema?.length ?? 0), own);
  if (held <= limits.totalBytes) return [];
  room.refused('plugin_documents');
  return [
    {
      field,
      rule: 'total_bytes',
      message: `all plugins together may have ${limits.totalBytes / 1024 / 1024} MiB of documents and schemas`,
    },
  ];
}

/** Everything there is to say against a document that is to become that of `entry`: its weight, and what its schema says. */
export async function judged(room: DocumentRoom, entry: Entry, config: JsonObject): Promise<readonly Violation[]> {
  const tooMuch = weigh(config, 'config', limits.documentBytes);
  if (tooMuch.length > 0) return tooMuch;
  const { schema } = entry;
  const text = JSON.stringify(config);
  const heavy = weighAll(room, entry, { own: text.length + (schema?.length ?? 0), field: 'config' });
  if (heavy.length > 0 || !room.settings.validation || schema === undefined) return heavy;
  return room.judge.document(schema, text);
}
