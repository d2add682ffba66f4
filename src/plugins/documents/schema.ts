import type { Violation } from '../../kernel/errors.ts';
import { newTraceId } from '../../kernel/ids.ts';
import { redactText } from '../../kernel/redaction.ts';
import type { BroughtSchema } from '../types.ts';
import { limits } from './limits.ts';
import { assertFit, type DocumentRoom, emitConfigEvent } from './room.ts';
import { secretPathsAfter } from './secret-places.ts';
import { type Entry, parse, revisionOf, textOf } from './state.ts';
import { weigh, weighAll } from './weigh.ts';

/**
 * Takes what a plugin brought at its registration. The same as before costs nothing: library plugins register at every run. A document
 * that no longer fits stays in effect, and is told once. For the holder of the lock. Throws PLUGIN_SCHEMA_INVALID.
 */
export async function changeSchema(room: DocumentRoom, entry: Entry, { schema, secretPaths, mayUnmask }: BroughtSchema): Promise<void> {
  assertFit('PLUGIN_SCHEMA_INVALID', entry.id, schema ? weigh(schema, 'config_schema', limits.schemaBytes) : []);
  const text = schema && JSON.stringify(schema);
  const another = text !== entry.schema;
  if (
    !another &&
    secretPaths.every((path) => entry.secretPaths.includes(path)) &&
    (!mayUnmask || secretPaths.length === entry.secretPaths.length)
  )
    return;
  if (another && text !== undefined) await judgeSchema(room, entry, text);
  const before = {
    schema: parse(entry.schema),
    secretPaths: entry.secretPaths,
    document: parse(textOf(entry)),
    hasBackups: (await entry.document.revisions({ limit: 2 })).length > 1,
  };
  const after = secretPathsAfter(before, { schema, secretPaths, mayUnmask });
  assertFit('PLUGIN_SCHEMA_INVALID', entry.id, after.length > mostSecretPaths ? [tooManyPaths] : []);
  await room.store.write('plugin_schemas', 'save', { id: entry.id, schema: text, secretPaths: JSON.stringify(after) });
  entry.schema = text;
  entry.secretPaths = after;
  entry.places = undefined;
  if (another) await judgeAgain(room, entry);
}

/** A plugin that brings other secret places at every registration would have them grow without end. */
const mostSecretPaths = 2000;

const tooManyPaths: Violation = {
  field: 'secret_paths',
  rule: 'max_items',
  message: `more than ${mostSecretPaths} places of secrets, with those of earlier registrations; let an admin delete the plugin`,
};

async function judgeSchema(room: DocumentRoom, entry: Entry, text: string): Promise<void> {
  const own = text.length + (textOf(entry)?.length ?? 0);
  assertFit('PLUGIN_SCHEMA_INVALID', entry.id, weighAll(room, entry, { own, field: 'config_schema' }));
  assertFit('PLUGIN_SCHEMA_INVALID', entry.id, await room.judge.schema(text));
}

async function judgeAgain(room: DocumentRoom, entry: Entry): Promise<void> {
  if (entry.schema === undefined || textOf(entry) === undefined || !room.settings.validation) return;
  const violations = await room.judge.document(entry.schema, JSON.stringify(parse(textOf(entry))));
  const [first] = violations;
  if (!first) return;
  const message = redactText(`${first.field}: ${first.message}`);
  const revision = revisionOf(entry);
  room.logger.warn(
    { plugin: entry.id, revision, violations: violations.length, reason: message },
    'the document of a plugin does not fit its new schema',
  );
  emitConfigEvent(room, 'config.rejected', { entry, traceId: newTraceId(), data: { reason: 'SCHEMA_CHANGED', revision, message } });
}
