import { isDeeper } from '../../documents/index.ts';
import type { JsonObject } from '../../events/types.ts';
import type { Violation } from '../../kernel/errors.ts';
import { limits } from './limits.ts';
import { type DocumentRoom, heldBytes } from './room.ts';
import type { Entry } from './state.ts';

/** The size and the depth of what came from outside, before anything else looks at it. */
export function weigh(value: JsonObject, field: string, maxBytes: number): readonly Violation[] {
  if (isDeeper(value, limits.depth)) return [{ field, rule: 'depth', message: `must be nested at most ${limits.depth} deep` }];
  const bytes = Buffer.byteLength(JSON.stringify(value));
  return bytes > maxBytes ? [{ field, rule: 'max_bytes', message: `must have at most ${maxBytes / 1024} KiB as JSON` }] : [];
}

/** Everything there is to say against a document that is to become that of `entry`: its weight, and what its schema says. */
export async function judged(room: DocumentRoom, entry: Entry, config: JsonObject): Promise<readonly Violation[]> {
  const heavy = weigh(config, 'config', limits.documentBytes);
  if (heavy.length > 0) return heavy;
  const text = JSON.stringify(config);
  if (heldBytes(room, entry.id) + text.length + (entry.schema?.length ?? 0) > limits.totalBytes) {
    room.refused('plugin_documents');
    return [
      {
        field: 'config',
        rule: 'total_bytes',
        message: `all plugins together may have ${limits.totalBytes / 1024 / 1024} MiB of documents`,
      },
    ];
  }
  if (!room.settings.validation || entry.schema === undefined) return [];
  return room.judge.document(entry.schema, text);
}
