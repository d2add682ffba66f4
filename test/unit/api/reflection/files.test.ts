import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { EventService } from '../../../../gen/es/sboxagent/v1/event_service_pb.js';
import { collectDescriptors, fileBytes, withDependencies } from '../../../../src/api/reflection/files.ts';

const descriptors = collectDescriptors([EventService.file]);

it('a file comes after what it needs, each once', () => {
  const files = withDependencies(EventService.file).map(({ proto }) => proto.name);
  assert.equal(new Set(files).size, files.length);
  assert.equal(files.at(-1), 'sboxagent/v1/event_service.proto');
  assert.ok(files.indexOf('google/protobuf/struct.proto') < files.indexOf('sboxagent/v1/event.proto'));
});

it('every dependency that a file names is there under that name', () => {
  for (const file of descriptors.files.values()) {
    const { dependency, name } = fromBinary(FileDescriptorProtoSchema, fileBytes(file));
    assert.equal(name, file.proto.name);
    for (const each of dependency) assert.ok(descriptors.files.has(each), each);
  }
});

const symbols: [string, string][] = [
  ['sboxagent.v1.Event', 'sboxagent/v1/event.proto'],
  ['sboxagent.v1.Event.Severity', 'sboxagent/v1/event.proto'],
  ['sboxagent.v1.Event.INFO', 'sboxagent/v1/event.proto'],
  ['sboxagent.v1.Event.trace_id', 'sboxagent/v1/event.proto'],
  ['sboxagent.v1.EventService', 'sboxagent/v1/event_service.proto'],
  ['sboxagent.v1.EventService.PublishEvents', 'sboxagent/v1/event_service.proto'],
  ['google.api.http', 'google/api/annotations.proto'],
  ['google.protobuf.Struct', 'google/protobuf/struct.proto'],
];
for (const [symbol, file] of symbols) {
  it(symbol, () => {
    const found = descriptors.symbols.get(symbol);
    assert.equal(found?.proto.name, file);
  });
}
