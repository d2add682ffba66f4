/** Nobody from outside speaks as the agent, by whichever door, whatever the token; and what is refused is stored nowhere. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { type Caller, caller, callerWith } from '../helpers/callers.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';
import { framedClient } from '../helpers/framed-json.ts';

const forged = [
  { type: 'process.exited', source: 'x' },
  { type: 'alert.firing', source: 'x' },
  { type: 'agent.started', source: 'x' },
  { type: 'store.degraded', source: 'x' },
  { type: 'apply.committed', source: 'x' },
  { type: 'config.applied', source: 'sboxagent' },
  { type: 'plugin.lost', source: 'SboxAgent ' },
];

let daemon: Daemon;
let admin: Caller;
let publisher: Caller;
let named: Caller;
before(async () => {
  daemon = await makeDaemon({
    config: {
      sboxmgr: {
        schedule: {
          enabled: true,
          interval: '1h',
          command: ['sh', '-c', `echo '{"type": "process.exited", "source": "sboxagent", "data": {"from": "a run"}}'`],
        },
      },
    },
  });
  await daemon.start();
  admin = callerWith(daemon, daemon.token());
  publisher = caller(daemon, ['events:write']);
  // Of a version that did not refuse the name yet.
  named = caller(daemon, ['events:write'], { name: 'sboxagents' });
  const path = join(daemon.stateDir, 'tokens.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"sboxagents"', '"sboxagent"'));
});
after(() => daemon.dispose());

// biome-ignore lint/suspicious/noExplicitAny: events as REST shows them
const stored = async (query: string): Promise<any[]> => (await admin.rest('GET', `/api/v1/events?page_size=1000&${query}`)).json.events;

function overUnixSocket(body: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      socketPath: join(daemon.stateDir, 'api.sock'),
      path: '/api/v1/events',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    };
    const req = request(options, (res) => {
      res.resume();
      resolve(res.statusCode ?? 0);
    });
    req.once('error', reject);
    req.end(JSON.stringify(body));
  });
}

it('CreateEvent and BatchCreateEvents, over REST, Connect and gRPC, with every right', async () => {
  for (const as of [publisher, admin]) {
    for (const event of forged) {
      const tries = [
        as.rest('POST', '/api/v1/events', event),
        as.rest('POST', '/api/v1/events:batch', { events: [{ type: 'a.b', source: 'beside' }, event] }),
        as.connect('EventService/CreateEvent', { event }),
        as.connect('EventService/BatchCreateEvents', { events: [event] }),
        as.grpc(EventService, 'CreateEvent', { event }),
        as.grpc(EventService, 'BatchCreateEvents', { events: [{ type: 'a.b', source: 'beside' }, event] }),
      ];
      for (const attempt of tries) {
        const { status, reason } = await attempt;
        assert.deepEqual([status, reason], [403, 'EVENT_RESERVED'], JSON.stringify(event));
      }
    }
  }
  assert.deepEqual(await stored('filter.sources=x'), []);
  assert.deepEqual(await stored('filter.sources=beside'), []);
});

it('who may not read learns nothing of an event by publishing one of the same id', async () => {
  const told = { type: 'a.secret', source: 'shared', id: 'known-to-both', subject: 'whom', data: { what: 'only readers know' } };
  const first = await publisher.rest('POST', '/api/v1/events', told);
  assert.equal(first.status, 201);
  const guess = { type: 'a.guess', source: 'shared', id: 'known-to-both' };
  for (const answer of [
    await publisher.rest('POST', '/api/v1/events', guess),
    await publisher.connect('EventService/CreateEvent', { event: guess }),
    await publisher.grpc(EventService, 'CreateEvent', { event: guess }),
  ]) {
    assert.equal(answer.status, 200);
    assert.equal(String(answer.json.revision), String(first.json.revision));
    assert.doesNotMatch(JSON.stringify(answer.json), /a\.secret|whom|only readers/);
  }
  assert.equal((await publisher.rest('POST', '/api/v1/events', told)).json.data.what, 'only readers know');
  assert.equal((await admin.rest('POST', '/api/v1/events', guess)).json.type, 'a.secret');
});

it('the unix socket, though its peers are admin', async () => {
  for (const event of forged) assert.equal(await overUnixSocket(event), 403);
  assert.equal(await overUnixSocket({ type: 'a.b', source: 'unix-peer' }), 201);
});

it('PublishEvents: the batch is answered with it, and the stream goes on', async () => {
  const transport = createGrpcTransport({ baseUrl: daemon.base });
  const batches = async function* () {
    yield { batchId: 1n, events: [{ type: 'a.b', source: 'streamed' }] };
    yield {
      batchId: 2n,
      events: [
        { type: 'a.b', source: 'streamed' },
        { type: 'process.exited', source: 'streamed' },
      ],
    };
    yield { batchId: 3n, events: [{ type: 'a.c', source: 'streamed' }] };
  };
  const codes: (number | undefined)[] = [];
  const headers = { authorization: `Bearer ${publisher.token}` };
  for await (const { error } of createClient(EventService, transport).publishEvents(batches(), { headers })) codes.push(error?.code);
  assert.deepEqual(codes, [undefined, 7, undefined]);
  assert.deepEqual(
    (await stored('filter.sources=streamed&order_by=revision')).map(({ type }) => type),
    ['a.b', 'a.c'],
  );
});

it('a token that is named as the agent publishes under its id', async () => {
  await until('the token of that name', async () => {
    const { status, json } = await named.rest('POST', '/api/v1/events', { type: 'a.named' });
    return status === 201 && json.source === `token-${named.id.slice(-8).toLowerCase()}`;
  });
  assert.equal((await named.rest('POST', '/api/v1/events', { type: 'a.named', source: 'sboxagent' })).reason, 'EVENT_RESERVED');
});

it("sboxmgr's socket and what a run prints: the event is kept, under sboxmgr's own name", async () => {
  const door = await framedClient(join(daemon.dir, 'sboxmgr.sock'));
  for (const { type, source } of forged) {
    const frame = {
      id: type,
      type: 'event',
      timestamp: new Date().toISOString(),
      event: { event_type: type, source, priority: 50, data: { from: 'a frame' } },
    };
    assert.equal((await door.ask(frame)).response?.status, 'success', type);
  }
  door.close();
  const kept = await stored('order_by=revision&filter.text=a%20frame');
  assert.equal(kept.length, forged.length);
  const run = await until('the event of the run', async () =>
    (await stored('filter.text=a%20run')).find(({ data }) => data.from === 'a run'),
  );
  for (const event of [...kept, run]) {
    assert.doesNotMatch(event.type, /^(process|alert|agent|store|apply)\b/);
    assert.doesNotMatch(event.source, /^\s*sboxagent\s*$/i);
    assert.notEqual(event.attributes.original_type, undefined);
  }
  assert.equal(run.attributes.original_source, 'sboxagent');
});

it("what bears the agent's name is the agent's", async () => {
  for (const event of await stored('filter.sources=sboxagent')) assert.equal(event.data?.from, undefined);
  const families = await stored(
    'filter.types=process.**&filter.types=alert.**&filter.types=agent.**&filter.types=store.**&filter.types=apply.**',
  );
  assert.ok(families.length > 0);
  for (const { source } of families) assert.equal(source, 'sboxagent');
});
