/** Twenty thousand calls and streams of each kind that are opened and left again: nothing of them stays. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { after, describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createApi } from '../../src/api/index.ts';
import { fakes } from '../helpers/api-fakes.ts';
import { serve } from '../helpers/api-server.ts';
import { apiSettings } from '../helpers/door.ts';

const rounds = 20_000;
/** Streams of one connection at a time; beyond so many resets a second the front door ends a connection, so that each is used for a while. */
const atOnce = 50;
const perConnection = 400;
const budgetBytes = 16 * 1024 * 1024;

const fake = fakes();
const room = apiSettings();
const server = await serve(createApi(fake.deps).methods, {
  api: { limits: { ...room.limits, concurrentUnary: 10_000 }, streams: room.streams },
});
after(() => server.close());

const envelope = Buffer.alloc(5);
const connectEnvelope = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from('{}')]);
const post = (path: string, type: string) => ({ ':method': 'POST', ':path': path, 'content-type': type });

const kinds: Readonly<Record<string, { readonly headers: Record<string, string>; readonly body?: Buffer }>> = {
  'gRPC Health.Watch': { headers: post('/grpc.health.v1.Health/Watch', 'application/grpc'), body: envelope },
  'gRPC WatchEvents': { headers: post('/sboxagent.v1.EventService/WatchEvents', 'application/grpc'), body: envelope },
  'gRPC-Web WatchEvents': { headers: post('/sboxagent.v1.EventService/WatchEvents', 'application/grpc-web'), body: envelope },
  'Connect WatchEvents': { headers: post('/sboxagent.v1.EventService/WatchEvents', 'application/connect+json'), body: connectEnvelope },
  'REST WatchEvents': { headers: { ':method': 'GET', ':path': '/api/v1/events:watch' } },
  'gRPC unary': { headers: post('/sboxagent.v1.AgentService/GetStatus', 'application/grpc'), body: envelope },
  'Connect unary': { headers: post('/sboxagent.v1.AgentService/GetStatus', 'application/json'), body: Buffer.from('{}') },
};

const isStream = (kind: { readonly headers: Record<string, string> }): boolean => /atch/.test(kind.headers[':path'] ?? '');

async function openAndLeave(session: ClientHttp2Session, kind: { readonly headers: Record<string, string>; readonly body?: Buffer }) {
  const stream = session.request(kind.headers, { endStream: kind.headers[':method'] === 'GET' });
  stream.on('error', () => {});
  if (kind.body !== undefined) stream.end(kind.body);
  // A stream is left when its first message is there, a call at once.
  if (isStream(kind)) await Promise.race([once(stream, 'data'), once(stream, 'close')]);
  stream.close(8);
  if (!stream.destroyed) await once(stream, 'close');
}

async function storm(kind: { readonly headers: Record<string, string>; readonly body?: Buffer }, count: number): Promise<void> {
  for (let done = 0; done < count; done += perConnection) {
    const session = connect(server.url);
    session.on('error', () => {});
    let left = Math.min(perConnection, count - done);
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await openAndLeave(session, kind);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    session.destroy();
  }
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is still held once everything that nobody holds is gone; of client and server, which share this process. */
function retained(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function settled(): Promise<void> {
  const stats = () => server.door.stats();
  for (let tries = 0; stats().streams + stats().unary > 0 && tries < 400; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('20,000 that leave', () => {
  for (const [name, kind] of Object.entries(kinds)) {
    it(`${name}: counted CANCELLED, and nothing stays`, async () => {
      await storm(kind, 2000);
      await settled();
      const before = retained();
      const counted = server.ended.length;
      await storm(kind, rounds);
      await settled();
      const grown = retained() - before;
      const codes = new Set(server.ended.slice(counted).map(({ code }) => code));
      // A call that was answered before its client left was answered.
      assert.deepEqual(
        [...codes].filter((code) => isStream(kind) || code !== 'ok'),
        ['canceled'],
      );
      assert.ok(isStream(kind) ? server.ended.length - counted === rounds : server.ended.length > counted);
      assert.deepEqual([server.door.stats().streams, server.door.stats().unary, fake.journal.watchers()], [0, 0, 0]);
      assert.ok(grown <= budgetBytes, `${Math.round(grown / 1024)} KiB more`);
    });
  }
});
