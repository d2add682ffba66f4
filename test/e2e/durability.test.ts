/** The daemon is ended with kill -9 twenty times under publishing: what was acknowledged is there, once, under its revision. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { makeDaemon, until } from '../helpers/daemon.ts';

const ROUNDS = 20;
const PUBLISHERS = 8;

test(`${ROUNDS} times kill -9 under publish: nothing acknowledged is lost, nothing is doubled`, async (t) => {
  const daemon = await makeDaemon({ config: { events: { retention: { count: 1_000_000 } } } });
  t.after(() => daemon.dispose());
  const acknowledged = new Map<string, bigint>();
  let unanswered: string[] = [];
  let made = 0;

  for (let round = 0; round < ROUNDS; round++) {
    await daemon.start();
    const transport = createGrpcTransport({ baseUrl: daemon.base });
    const client = createClient(EventService, transport);
    const headers = { authorization: `Bearer ${daemon.token()}` };
    let alive = true;
    const again = unanswered;
    unanswered = [];
    const publish = async (): Promise<void> => {
      while (alive) {
        const id = again.pop() ?? `k${made++}`;
        try {
          const event = await client.createEvent({ event: { id, type: 'test.durable', source: 'durable' } }, { headers });
          const before = acknowledged.get(id);
          assert.ok(before === undefined || before === event.revision, `${id} moved`);
          acknowledged.set(id, event.revision);
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          unanswered.push(id);
          return;
        }
      }
    };
    const publishers = Array.from({ length: PUBLISHERS }, publish);
    // Each round dies at another place of the stream.
    const enough = acknowledged.size + 10 + ((round * 37) % 90);
    await until('acknowledgements', () => acknowledged.size >= enough);
    await daemon.kill('SIGKILL');
    alive = false;
    await Promise.all(publishers);
    unanswered.push(...again);
  }

  await daemon.start();
  const stored = new Map<string, string>();
  let token = '';
  do {
    const { json } = await daemon.rest(
      'GET',
      `/api/v1/events?filter.sources=durable&order_by=revision&page_size=1000&page_token=${encodeURIComponent(token)}`,
    );
    const page = json as { events: readonly { id: string; revision: string }[]; next_page_token: string };
    for (const { id, revision } of page.events) {
      assert.ok(!stored.has(id), `${id} is stored twice`);
      stored.set(id, revision);
    }
    token = page.next_page_token;
  } while (token !== '');
  assert.ok(acknowledged.size > ROUNDS * PUBLISHERS, `only ${acknowledged.size} were acknowledged`);
  for (const [id, revision] of acknowledged) assert.equal(stored.get(id), String(revision), id);
});
