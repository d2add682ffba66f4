/** The events of agents in the stream of a real NATS server: all of them, each once, in order, whatever is killed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';
import { type Forwarded, forwarded as readForwarded } from '../helpers/fleet-stream.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../helpers/nats-server.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;

describe('events of the fleet', { skip }, () => {
  let nats: NatsServer;
  let connection: NatsConnection;
  const daemons: Daemon[] = [];
  before(async () => {
    nats = await makeNatsServer();
    await nats.start();
    connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  });
  after(async () => {
    for (const daemon of daemons) await daemon.dispose();
    await connection.close();
    await nats.dispose();
  });

  const agent = async (name: string, more: object = {}): Promise<Daemon> => {
    const daemon = await makeDaemon({ config: { agent: { name }, fleet: { servers: [nats.url], heartbeat: '1s' }, ...more } });
    daemons.push(daemon);
    await daemon.start();
    return daemon;
  };
  const publish = async (daemon: Daemon, from: number, count: number): Promise<void> => {
    const events = Array.from({ length: count }, (_, i) => ({ type: 'test.n', id: `n${from + i}`, data: { n: from + i } }));
    assert.equal((await daemon.rest('POST', '/api/v1/events:batch', { events })).status, 200);
  };
  const forwarded = (name: string): Promise<Forwarded[]> => readForwarded(connection, name);
  const untilForwarded = (name: string, count: number): Promise<Forwarded[]> =>
    until(`${count} events of ${name}`, async () => {
      const found = (await forwarded(name)).filter(({ type }) => type === 'test.n');
      return found.length >= count && found;
    });
  const assertWhole = (found: readonly Forwarded[], count: number): void => {
    assert.deepEqual(
      found.map(({ n }) => n),
      Array.from({ length: count }, (_, i) => i),
    );
  };

  it('go on where they stood when the agent is killed, and when the server is', async () => {
    const daemon = await agent('killed');
    let sent = 0;
    for (let round = 0; round < 5; round++) {
      await publish(daemon, sent, 200);
      sent += 200;
      if (round % 2 === 0) {
        await daemon.kill('SIGKILL');
        await daemon.start();
      } else {
        await nats.kill('SIGKILL');
        await publish(daemon, sent, 200);
        sent += 200;
        await nats.start();
      }
    }
    const found = await untilForwarded('killed', sent);
    assertWhole(found, sent);
    const revisions = (await forwarded('killed')).map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    );
  });

  it('that retention removed before the fleet had them are a gap', async () => {
    const daemon = await agent('gaps', { events: { retention: { count: 1000 } } });
    await publish(daemon, 0, 10);
    await untilForwarded('gaps', 10);
    await nats.kill('SIGTERM');
    await until('the outage in its health', async () =>
      JSON.stringify((await daemon.rest('GET', '/api/v1/status')).json).includes('DEGRADED'),
    );
    for (let batch = 0; batch < 4; batch++) await publish(daemon, 10 + batch * 900, 900);
    await until('the retention', async () => {
      const { json } = await daemon.rest('GET', '/api/v1/events?order_by=revision&page_size=1');
      return Number((json as { events: { revision: string }[] }).events[0]?.revision) > 100;
    });
    await nats.start();
    await until('the newest', async () => (await forwarded('gaps')).some(({ n }) => n === 3609));
    const all = await forwarded('gaps');
    assert.ok(all.some(({ type }) => type === 'fleet.gap'));
    const numbers = all.flatMap(({ n }) => (n === undefined ? [] : [n]));
    assert.equal(new Set(numbers).size, numbers.length);
  });

  it('say in a bucket who is there, and who left', async () => {
    const daemon = await agent('seen', { fleet: { servers: [nats.url], heartbeat: '1s', labels: { region: 'eu' } } });
    const bucket = await new Kvm(connection).open('sboxagent_agents');
    const entry = async (): Promise<{ state: string; health: string; labels: object } | undefined> => (await bucket.get('seen'))?.json();
    const there = await until('its entry', async () => ((await entry())?.state === 'UP' ? entry() : undefined));
    assert.deepEqual([there.health, there.labels], ['HEALTHY', { region: 'eu' }]);
    await daemon.kill('SIGTERM');
    assert.equal((await entry())?.state, 'LEFT');
  });

  it('say there at once what changes, however long a heartbeat is', async () => {
    const units = { sleeper: { command: ['/bin/sleep', '600'], on_agent_exit: 'stop' } };
    const daemon = await agent('changing', { fleet: { servers: [nats.url], heartbeat: '10m' }, processes: { units } });
    const bucket = await new Kvm(connection).open('sboxagent_agents');
    const state = async (): Promise<string | undefined> =>
      (await bucket.get('changing'))?.json<{ units: { state: string }[] }>().units[0]?.state;
    await until('its entry', async () => (await state()) === 'STOPPED');
    assert.equal((await daemon.rest('POST', '/api/v1/processes', { id: 'sleeper' })).status, 201);
    await until('the change', async () => (await state()) === 'READY');
  });

  it('a server that is not there disturbs nothing but a component', async () => {
    const daemon = await makeDaemon({ config: { agent: { name: 'alone' }, fleet: { servers: ['nats://127.0.0.1:1'] } } });
    daemons.push(daemon);
    await daemon.start();
    await publish(daemon, 0, 5);
    const component = await until('the component', async () => {
      const { json } = await daemon.rest('GET', '/api/v1/health');
      return (json as { components: { name: string; status: string; message: string }[] }).components.find(
        ({ name, status }) => name === 'fleet' && status === 'DEGRADED',
      );
    });
    assert.match(component.message, /the fleet is not reached/);
    assert.equal(daemon.log().split('the fleet is not reached').length - 1, 1, 'one warning');
    assert.equal(await daemon.kill('SIGTERM'), 0);
  });
});
