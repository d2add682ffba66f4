/** Runs of events at a real NATS server that takes one batch at a time, or none: each sender's are there once and in order. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { sendRun } from '../../src/fleet/send-run.ts';
import { subjectsOf } from '../../src/fleet/subjects.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { forwarded } from '../helpers/fleet-stream.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../helpers/nats-server.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;
const [senders, runs, size] = [6, 5, 40];
const subjects = subjectsOf('sboxagent');
const { signal } = new AbortController();

describe('runs of events', { skip }, () => {
  let nats: NatsServer;
  let connections: NatsConnection[] = [];
  before(async () => {
    nats = await makeNatsServer('', 'limits { batch { max_inflight_per_stream: 1 } }');
    await nats.start();
    connections = await Promise.all(Array.from({ length: senders }, () => connect({ servers: nats.url })));
  });
  after(async () => {
    for (const connection of connections) await connection.close();
    await nats.dispose();
  });

  const first = (): NatsConnection => connections[0] as NatsConnection;
  const runOf = (sender: number, run: number) =>
    Array.from({ length: size }, (_, i) => {
      const n = run * size + i;
      return {
        id: `${sender}-${n}`,
        subject: subjects.event(`s${sender}`, 'test.n'),
        body: JSON.stringify({ type: 'test.n', data: { n } }),
      };
    });
  const sendAll = (isAtomic: boolean): Promise<unknown> =>
    Promise.all(
      connections.map(async (connection, sender) => {
        for (let run = 0; run < runs; run++) {
          const place = await sendRun(connection, runOf(sender, run), { isAtomic, clock, signal });
          assert.ok(place >= (run + 1) * size);
        }
      }),
    );

  for (const isAtomic of [true, false]) {
    it(
      isAtomic ? 'wait for their turn where the server takes one batch at a time' : 'go one by one where the stream takes no batches',
      async () => {
        const manager = await jetstreamManager(first());
        await manager.streams.add({
          name: subjects.eventStream,
          subjects: [subjects.allEvents],
          allow_direct: true,
          allow_atomic: isAtomic,
        });
        await sendAll(isAtomic);
        for (let sender = 0; sender < senders; sender++) {
          const found = await forwarded(first(), `s${sender}`);
          assert.deepEqual(
            found.map(({ n }) => n),
            Array.from({ length: runs * size }, (_, n) => n),
          );
        }
        await manager.streams.delete(subjects.eventStream);
      },
    );
  }
});
