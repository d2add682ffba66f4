import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PluginConfigSchema } from '../../../../gen/es/sboxagent/v1/plugin_config_pb.js';
import { encodeMessage } from '../../../../src/api/codec/binary.ts';
import type { JsonObject } from '../../../../src/events/index.ts';
import { limits } from '../../../../src/plugins/documents/limits.ts';
import { weigh } from '../../../../src/plugins/documents/weigh.ts';

const rules = (value: JsonObject, max: number): readonly string[] => weigh(value, 'config', max).map(({ rule = '' }) => rule);
const numbers = (count: number): JsonObject => ({ list: Array.from({ length: count }, () => 1) });

test('a document and its schema go in one message that clients take, whatever they are large with', () => {
  const { documentBytes, schemaBytes } = limits;
  assert.deepEqual(rules({ text: 'x'.repeat(documentBytes - 20) }, documentBytes), []);
  assert.deepEqual(rules({ text: 'x'.repeat(documentBytes) }, documentBytes), ['max_bytes']);
  // Half of the room in JSON, more than all of it on the wire.
  assert.deepEqual(rules(numbers(documentBytes / 4), documentBytes), ['max_bytes']);
  const most = (max: number): JsonObject => {
    const made = numbers(Math.floor((max * 2.5 - 64) / 11));
    assert.deepEqual(rules(made, max), []);
    return made;
  };
  const message = encodeMessage(PluginConfigSchema, { config: most(documentBytes), schema: most(schemaBytes) });
  assert.ok(message.length > 2 << 20 && message.length < (4 << 20) - 8192, `${message.length} bytes`);
});
