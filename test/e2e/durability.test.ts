/**
 * The daemon is ended with kill -9 twenty times under publishing: what was acknowledged is there, once, under its revision; and watchers
 * of four habits, who resume by revision each time, have all seen the same history, in order, once, without holes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

const ROUNDS = 20;
const PUBLISHERS = 8;

/** `revision id`, as a watcher was told. */
type History = string[];

interface Habit {
  readonly name: string;
  readonly types: readonly string[];
  /** Pause after each message. */
  readonly pauseMs: number;
  /** Leaves and comes back after so many messages. */
  readonly leaveAfter: number;
}

const habits: readonly Habit[] = [
  { name: 'fast', types: [], pauseMs: 0, leaveAfter: Number.POSITIVE_INFINITY },
  { name: 'slow', types: [], pauseMs: 20, leaveAfter: Number.POSITIVE_INFINITY },
  { name: 'reconnecting', types: [], pauseMs: 0, leaveAfter: 3 },
  { name: 'filtered', types: ['test.odd'], pauseMs: 0, leaveAfter: Number.POSITIVE_INFINITY },
];

interface Watcher {
  readonly habit: Habit;
  readonly history: History;
  /** Where it resumes. */
  cursor(): bigint;
  stop(): Promise<void>;
}

/** Watches over every death of the daemon, resuming from the revision that it was last told. */
function watch(daemon: Daemon, habit: Habit): Watcher {
  const history: History = [];
  const gone = new AbortController();
  let cursor = 0n;
  const once = async (): Promise<void> => {
    const client = createClient(EventService, createGrpcTransport({ baseUrl: daemon.base }));
    const request = { afterRevision: cursor, filter: { types: [...habit.types], sources: ['durable'] } };
    let messages = 0;
    for await (const message of client.watchEvents(request, {
      headers: { authorization: `Bearer ${daemon.token()}` },
      signal: gone.signal,
    })) {
      assert.equal(message.gap, undefined, `${habit.name} was told of a gap`);
      history.push(...message.events.map((event) => `${event.revision} ${event.id}`));
      cursor = message.revision;
      if (++messages >= habit.leaveAfter) return;
      if (habit.pauseMs > 0) await sleep(habit.pauseMs);
    }
  };
  const run = async (): Promise<void> => {
    while (!gone.signal.aborted) {
      try {
        await once();
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        await sleep(20);
      }
    }
  };
  const running = run();
  running.catch(() => {});
  return {
    habit,
    history,
    cursor: () => cursor,
    stop() {
      gone.abort();
      return running;
    },
  };
}

test(`${ROUNDS} times kill -9 under publish: nothing acknowledged is lost, nothing is doubled, all watchers see one history`, async (t) => {
  const daemon = await makeDaemon({ config: { events: { retention: { count: 1_000_000 } } } });
  t.after(() => daemon.dispose());
  const acknowledged = new Map<string, bigint>();
  let unanswered: string[] = [];
  let made = 0;
  await daemon.start();
  const watchers = habits.map((habit) => watch(daemon, habit));

  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await daemon.start();
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
          const event = await client.createEvent(
            { event: { id, type: Number(id.slice(1)) % 2 === 1 ? 'test.odd' : 'test.even', source: 'durable' } },
            { headers },
          );
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

  const truth = [...stored].map(([id, revision]) => `${revision} ${id}`);
  const newest = BigInt([...stored.values()].at(-1) ?? 0);
  for (const { habit, history, cursor, stop } of watchers) {
    await until(`the ${habit.name} watcher`, () => cursor() >= newest);
    await stop();
    const expected = habit.types.length === 0 ? truth : truth.filter((text) => Number(text.split(' k')[1]) % 2 === 1);
    assert.deepEqual(history, expected, `the history of the ${habit.name} watcher`);
  }
});
