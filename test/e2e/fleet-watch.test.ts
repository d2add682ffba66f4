/** Agents that are gone, over a real NATS server: told once, by whoever watches, and never by who was away itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type CutLink, makeCutLink } from '../helpers/cut-link.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';
import { forwarded } from '../helpers/fleet-stream.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../helpers/nats-server.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;

describe('agents that are gone', { skip }, () => {
  let nats: NatsServer;
  let connection: NatsConnection;
  const daemons = new Map<string, Daemon>();
  const links = new Map<string, CutLink>();
  const names = ['a', 'b', 'c'];

  before(async () => {
    nats = await makeNatsServer();
    await nats.start();
    connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    for (const name of names) {
      const link = await makeCutLink(Number(new URL(nats.url).port));
      links.set(name, link);
      const fleet = { servers: [`nats://127.0.0.1:${link.port}`], heartbeat: '1s', labels: { rack: name } };
      daemons.set(name, await makeDaemon({ config: { agent: { name }, fleet } }));
      await daemon(name).start();
    }
    await until('somebody who watches', leader);
  });
  after(async () => {
    for (const one of daemons.values()) await one.dispose();
    await connection.close();
    for (const link of links.values()) await link.dispose();
    await nats.dispose();
  });

  const daemon = (name: string): Daemon => daemons.get(name) as Daemon;
  const link = (name: string): CutLink => links.get(name) as CutLink;
  async function leader(): Promise<string | undefined> {
    const bucket = await new Kvm(connection).open('sboxagent_fleet');
    const entry = await bucket.get('watch').catch(() => null);
    return entry?.json<{ holder: string }>().holder || undefined;
  }
  const other = async (): Promise<string> => {
    const holder = await leader();
    return names.find((name) => name !== holder) as string;
  };
  /** `who about whom`, of one type, from a place on. */
  const told = async (type: string, from = 0): Promise<string[]> =>
    (await forwarded(connection))
      .slice(from)
      .flatMap((event) => (event.type === `fleet.agent_${type}` ? [`${event.agent} about ${event.subject}`] : []));
  const count = async (): Promise<number> => (await forwarded(connection)).length;
  /** Whoever has something to say has said it by then: two heartbeats, and half of one for whoever looks. */
  const quiet = (): Promise<void> => sleep(4000);

  it('one that was killed is gone, once, within three heartbeats, and back once', async () => {
    const [killed, watching, from] = [await other(), await leader(), await count()];
    const start = Date.now();
    await daemon(killed).kill('SIGKILL');
    const news = await until('the news', async () => {
      const since = (await forwarded(connection)).slice(from);
      return since.find(({ type }) => type === 'fleet.agent_gone');
    });
    assert.ok(Date.parse(news.time) - start < 6000, `three heartbeats, and half of one for the look: ${news.time}`);
    await daemon(killed).start();
    await until('its return', async () => (await told('back', from)).length > 0);
    await quiet();
    assert.deepEqual(
      [await told('gone', from), await told('back', from)],
      [[`${watching} about ${killed}`], [`${watching} about ${killed}`]],
    );
  });

  it('one that ends on purpose is not gone', async () => {
    const [stopped, from] = [await other(), await count()];
    await daemon(stopped).kill('SIGTERM');
    await quiet();
    assert.deepEqual(await told('gone', from), []);
    await daemon(stopped).start();
  });

  it('when the one that watches is killed another takes its place and says so, once', async () => {
    const [watching, from] = [(await leader()) as string, await count()];
    await daemon(watching).kill('SIGKILL');
    await until('the news', async () => (await told('gone', from)).length > 0);
    await daemon(watching).start();
    await until('its return', async () => (await told('back', from)).length > 0);
    await quiet();
    const [[gone, ...more], back] = [await told('gone', from), await told('back', from)];
    assert.deepEqual([more, back], [[], [gone]]);
    assert.match(String(gone), new RegExp(`^[^${watching}] about ${watching}$`));
  });

  it('one whose link is cut says nothing of the others, also where it was the one that watched', async () => {
    const [watching, from] = [(await leader()) as string, await count()];
    link(watching).cut();
    await until('the news', async () => (await told('gone', from)).length > 0);
    await sleep(3000);
    link(watching).heal();
    await until('its return', async () => (await told('back', from)).length > 0);
    await quiet();
    const gone = await told('gone', from);
    assert.equal(gone.length, 1, gone.join());
    assert.match(String(gone), new RegExp(`^[^${watching}] about ${watching}$`));
    assert.deepEqual(await told('back', from), gone);
  });

  it('an outage of the server makes nobody gone', async () => {
    const from = await count();
    await nats.kill('SIGKILL');
    await sleep(5000);
    await nats.start();
    await quiet();
    await quiet();
    assert.deepEqual([await told('gone', from), await told('back', from)], [[], []]);
  });

  it('a cut of all links makes nobody gone', async () => {
    const from = await count();
    for (const name of names) link(name).cut();
    await sleep(5000);
    for (const name of names) link(name).heal();
    await quiet();
    await quiet();
    assert.deepEqual([await told('gone', from), await told('back', from)], [[], []]);
  });

  it('the one that watches has the figures', async () => {
    const watching = (await leader()) as string;
    const { json } = await until('three that are up', async () => {
      const answer = await daemon(watching).rest('GET', '/api/v1/metrics?names=sboxagent_fleet_agents');
      return JSON.stringify(answer.json).includes('"value":3') ? answer : undefined;
    });
    const { metrics } = json as { metrics: { series: { labels: { state: string }; value: number }[] }[] };
    assert.deepEqual(Object.fromEntries(metrics[0]?.series.map(({ labels, value }) => [labels.state, value]) ?? []), {
      UP: 3,
      LEFT: 0,
      GONE: 0,
    });
  });
});
