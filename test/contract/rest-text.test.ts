/** The text of a message by REST says what the library's tree of values says, to the letter. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type DescMessage, toJson } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { EventSchema } from '../../gen/es/sboxagent/v1/event_pb.js';
import { restJson, textOf } from '../../src/api/convert/json-text.ts';
import { mountedServices } from '../helpers/api-server.ts';
import { randomMessage, seeded } from '../helpers/random-message.ts';

const files = new Set(mountedServices().flatMap(({ file }) => [file, ...file.dependencies]));
const types: DescMessage[] = [...files]
  .filter(({ proto }) => proto.package === 'sboxagent.v1')
  .flatMap((file) => [...nestedTypes(file)])
  .filter((type) => type.kind === 'message')
  .filter((type) => type.proto.options?.mapEntry !== true);

describe('text of messages', () => {
  it(`every type of the API, with values of many kinds (${types.length} types)`, () => {
    assert.ok(types.length > 80);
    for (const type of types) {
      for (let seed = 0; seed < 60; seed += 1) {
        const message = randomMessage(type, seeded(seed));
        const wanted = tree(type, message);
        if (wanted !== undefined) assert.equal(textOf(type, message), wanted, `${type.typeName} ${seed}`);
      }
    }
  });

  it('free-form data, numbers that JSON has no form for, and odd keys', () => {
    const event = create(EventSchema, {
      type: 'a',
      data: { a: [1, null, { é: '\u2028"' }], __proto__x: true },
      attributes: { 'k"': 'v\n', '': '' },
    });
    assert.equal(textOf(EventSchema, event), tree(EventSchema, event));
  });
});

/** Undefined for a message that JSON cannot carry (a moment before the year 1). */
function tree(type: DescMessage, message: ReturnType<typeof randomMessage>): string | undefined {
  try {
    return JSON.stringify(toJson(type, message, restJson));
  } catch {
    return undefined;
  }
}
