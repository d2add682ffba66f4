/**
 * Many agents at one real NATS server while agents and the server are killed and links are cut: nothing is lost, nothing is there twice, each agent's events
 * are in order. FLEET_AGENTS=50 FLEET_AGENT_KILLS=20 FLEET_SERVER_KILLS=5 FLEET_PARTITION_SECONDS=600 is the whole of it; by itself it is small.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { until } from '../helpers/daemon.ts';
import { type Forwarded, forwarded } from '../helpers/fleet-stream.ts';
import { type FleetAgent, makeAgents } from '../helpers/many-agents.ts';
import { makeNatsServer, type NatsServer, natsServer } from '../helpers/nats-server.ts';

const skip = natsServer === undefined ? 'no nats-server here: .ci/install brings it' : false;
const given = (name: string, usual: number): number => Number(process.env[name] ?? usual);
const size = {
  agents: given('FLEET_AGENTS', 6),
  agentKills: given('FLEET_AGENT_KILLS', 6),
  serverKills: given('FLEET_SERVER_KILLS', 2),
  partitionMs: given('FLEET_PARTITION_SECONDS', 20) * 1000,
};
const pace = { batch: 10, everyMs: 40 * size.agents };
const timeout = size.partitionMs + 20 * 60_000;

describe(`a fleet of ${size.agents}`, { skip, timeout }, () => {
  let nats: NatsServer;
  let connection: NatsConnection;
  let agents: FleetAgent[] = [];
  let dispose = async (): Promise<void> => {};

  before(
    async () => {
      nats = await makeNatsServer();
      await nats.start();
      connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
      ({ agents, dispose } = await makeAgents(size.agents, nats.url, '5s'));
    },
    { timeout },
  );
  after(
    async () => {
      await dispose();
      await connection.close();
      await nats.dispose();
    },
    { timeout },
  );

  /** One after the other, evenly over the time of the partition. */
  const spread = async (times: number, act: (n: number) => Promise<void>): Promise<void> => {
    const everyMs = size.partitionMs / (times + 1);
    const startMs = performance.now();
    for (let n = 0; n < times; n++) {
      await sleep(Math.max(0, startMs + everyMs * (n + 1) - performance.now()));
      await act(n);
    }
  };

  it(`loses nothing and has nothing twice: ${size.agentKills} agents and ${size.serverKills} times the server killed, a fifth cut off`, {
    timeout,
  }, async (t) => {
    for (const agent of agents) agent.write(pace);
    const away = agents.slice(0, Math.ceil(agents.length / 5));
    const there = agents.slice(away.length);
    for (const { link } of away) link.cut();
    await Promise.all([
      sleep(size.partitionMs),
      spread(size.agentKills, (n) => (there[n % there.length] as FleetAgent).killAndStart()),
      spread(size.serverKills, async () => {
        await nats.kill('SIGKILL');
        await sleep(1000);
        await nats.start();
      }),
    ]);
    const healedMs = performance.now();
    const behind = away.reduce((sum, agent) => sum + agent.acknowledged(), 0);
    for (const { link } of away) link.heal();
    await Promise.all(agents.map((agent) => agent.stopWriting()));
    const written = agents.reduce((sum, agent) => sum + agent.acknowledged(), 0);
    const numbered = async (): Promise<Forwarded[]> => (await forwarded(connection)).filter(({ type }) => type === 'test.n');
    const found = await until(
      'all of them',
      async () => {
        const now = await numbered();
        return now.length >= written && now;
      },
      300_000,
    );
    t.diagnostic(
      `${written} events of ${agents.length} agents; ${behind} that were held up came within ${Math.round(performance.now() - healedMs)} ms`,
    );
    const byAgent = Map.groupBy(found, ({ agent }) => agent);
    for (const agent of agents) assertEachOnce(agent, byAgent.get(agent.name) ?? []);
  });

  it('tells who was gone and who is back in turns, each once', { timeout }, async () => {
    await until('that nobody is missed', async () => {
      const news = await toldOf(connection);
      return [...news.values()].every((types) => types.at(-1) === 'fleet.agent_back');
    });
    for (const [agent, types] of await toldOf(connection)) {
      types.forEach((type, n) => {
        assert.equal(type, n % 2 === 0 ? 'fleet.agent_gone' : 'fleet.agent_back', `${agent}: ${types}`);
      });
    }
    // A link that was cut for many heartbeats is told, where the server stood long enough that others could see it.
    if (size.partitionMs / (size.serverKills + 1) < 30_000) return;
    const told = await toldOf(connection);
    for (const { name } of agents.slice(0, Math.ceil(agents.length / 5))) assert.ok(told.has(name), name);
  });
});

/** Names the first that is not where it should be: a list of thousands tells nobody anything. */
function assertEachOnce(agent: FleetAgent, found: readonly Forwarded[]): void {
  const wrong = found.findIndex(({ n }, i) => n !== i);
  const around = found.slice(Math.max(0, wrong - 3), wrong + 12).map(({ n, revision }) => `${n} (revision ${revision})`);
  assert.equal(wrong, -1, `${agent.name}: each once and in order, but from ${wrong} on: ${around.join(', ')}`);
  assert.equal(found.length, agent.acknowledged(), agent.name);
}

async function toldOf(connection: NatsConnection): Promise<Map<string, string[]>> {
  const told = new Map<string, string[]>();
  for (const { type, subject } of await forwarded(connection)) {
    if (!type.startsWith('fleet.agent_')) continue;
    told.set(subject, [...(told.get(subject) ?? []), type]);
  }
  return told;
}
