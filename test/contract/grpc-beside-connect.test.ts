/** Our gRPC beside Connect's own: what one answers the other answers, to the byte where the protocol fixes bytes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { ProcessService } from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { ask, compareGenerated, envelope, maxBytes, methods, read } from '../helpers/two-grpcs.ts';

/** The first of ten thousand; test/robustness has the others. */
const requests = 1000;

describe(`gRPC of our own beside Connect's: ${methods.length} methods`, () => {
  it(`${requests} generated requests, their answers and their errors`, () => compareGenerated(0, requests));

  const good = toBinary(ProcessService.method.getProcess.input, create(ProcessService.method.getProcess.input, { id: 'p' }));
  const malformed: Readonly<Record<string, readonly [Uint8Array, Record<string, string>?]>> = {
    'no message': [new Uint8Array()],
    'half an envelope': [envelope(good).subarray(0, 3)],
    'half a message': [envelope(good, 0, good.byteLength + 9)],
    'two messages': [Buffer.concat([envelope(good), envelope(good)])],
    'no protobuf': [envelope(new Uint8Array([255, 255, 255]))],
    'a compressed flag without an encoding': [envelope(good, 1)],
    'too large': [envelope(new Uint8Array(maxBytes + 1))],
    'a timeout that is none': [envelope(good), { 'grpc-timeout': 'soon' }],
  };
  for (const [name, [body, headers]] of Object.entries(malformed)) {
    it(`${name}: the same code`, async () => {
      for (const method of methods.filter(({ desc }) => desc.name === 'GetProcess' || desc.name === 'WatchProcesses')) {
        const [ours, theirs] = [read(await ask('ours', method, body, headers)), read(await ask('connect', method, body, headers))];
        assert.deepEqual([ours.status, ours.code, ours.body], [theirs.status, theirs.code, theirs.body], method.path);
        assert.notEqual(ours.code, '0');
      }
    });
  }
});
