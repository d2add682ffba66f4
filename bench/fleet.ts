/**
 * What a fleet costs, as docs/fleet.md says it: `node bench/fleet.ts [--peers N]`. An agent with a fleet beside one without; a server and the agent that
 * watches, with N agents that are made of connections and entries alone; how fast events go, and how late they are.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { sendRun } from '../src/fleet/send-run.ts';
import { subjectsOf } from '../src/fleet/subjects.ts';
import { systemClock as clock } from '../src/kernel/clock.ts';
import { type Daemon, makeDaemon, until } from '../test/helpers/daemon.ts';
import { makeNatsServer, type NatsServer } from '../test/helpers/nats-server.ts';

const { values } = parseArgs({ options: { peers: { type: 'string', default: '300' } } });
const peers = Number(values.peers);
const subjects = subjectsOf('sboxagent');
const idleMs = 30_000;
/** Of the kernel's clock in /proc. */
const ticksPerSecond = 100;

const say = (what: string, value: string): void => void process.stdout.write(`${what.padEnd(64)} ${value}\n`);

/** Resident memory that no other process shares, in MiB. */
function privateMiB(pid: number): number {
  const kib = [...readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)];
  return kib.reduce((sum, [, n]) => sum + Number(n), 0) / 1024;
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** CPU of several processes over the same time: what else the machine does hits them alike. In thousandths of one CPU. */
async function idleCpu(pids: readonly number[]): Promise<number[]> {
  const before = pids.map(cpuSeconds);
  await sleep(idleMs);
  return pids.map((pid, i) => ((cpuSeconds(pid) - (before[i] ?? 0)) / idleMs) * 1e6);
}

async function agent(name: string, servers: readonly string[]): Promise<Daemon> {
  const daemon = await makeDaemon({ config: { agent: { name }, ...(servers.length > 0 && { fleet: { servers } }) } });
  await daemon.start();
  return daemon;
}

async function costOfAgents(nats: NatsServer): Promise<Daemon[]> {
  // The first to look has the lease, and watches.
  const watching = await agent('bench-watching', [nats.url]);
  await sleep(15_000);
  const [alone, following] = [await agent('bench-alone', []), await agent('bench-following', [nats.url])];
  const daemons = [watching, alone, following];
  // A minute after its start an agent takes more memory than before, whatever it does: all of them are past it.
  await sleep(75_000);
  const pids = daemons.map((daemon) => daemon.pid());
  const [cpuW = 0, cpuA = 0, cpuF = 0] = await idleCpu(pids);
  const [memoryW = 0, memoryA = 0, memoryF = 0] = pids.map(privateMiB);
  say(
    'memory of an agent alone, in a fleet, and of the one that watches',
    `${[memoryA, memoryF, memoryW].map((n) => n.toFixed(1)).join(' / ')} MiB`,
  );
  say('CPU idle, alike', `${[cpuA, cpuF, cpuW].map((n) => n.toFixed(2)).join(' / ')} ‰ of one`);
  return daemons;
}

/** From the answer to the publisher until a subscriber has it. */
async function lag(nats: NatsServer, daemon: Daemon, name: string): Promise<void> {
  const connection = await connect({ servers: nats.url });
  const arrived = new Map<string, number>();
  connection.subscribe(subjects.event(name, 'bench.lag'), {
    callback: (_error, message) => void arrived.set(message.json<{ id: string }>().id, performance.now()),
  });
  await connection.flush();
  const late: number[] = [];
  for (let n = 0; n < 200; n++) {
    const id = `lag-${n}`;
    await daemon.rest('POST', '/api/v1/events', { type: 'bench.lag', id });
    const answered = performance.now();
    late.push(Math.max(0, (await until(id, () => arrived.get(id))) - answered));
    await sleep(30);
  }
  late.sort((a, b) => a - b);
  say('lag of an event, p50 / p99', `${(late[100] ?? 0).toFixed(1)} / ${(late[198] ?? 0).toFixed(1)} ms`);
  await connection.close();
}

async function catchUp(nats: NatsServer, daemon: Daemon): Promise<void> {
  const count = 20_000;
  await nats.kill('SIGTERM');
  for (let at = 0; at < count; at += 1000) {
    const events = Array.from({ length: 1000 }, (_, i) => ({
      type: 'bench.held',
      id: `held-${at + i}`,
      data: { n: at + i, text: 'x'.repeat(200) },
    }));
    await daemon.rest('POST', '/api/v1/events:batch', { events });
  }
  await nats.start();
  const connection = await connect({ servers: nats.url });
  const manager = await jetstreamManager(connection);
  const stored = async (): Promise<number> => (await manager.streams.info(subjects.eventStream)).state.messages;
  const before = await stored();
  const first = await until('the first', async () => (await stored()) > before && performance.now());
  await until('all', async () => (await stored()) >= before + count);
  say('events held up that one agent brings', `${Math.round(count / ((performance.now() - first) / 1000))} /s (its own limit is 5000)`);
  await connection.close();
}

/** What the server takes from all agents together, in batches as agents send them. */
async function throughput(nats: NatsServer): Promise<void> {
  const [senders, runs, size] = [8, 20, 500];
  const body = JSON.stringify({ type: 'bench.through', data: { text: 'x'.repeat(300) } });
  const connections = await Promise.all(Array.from({ length: senders }, () => connect({ servers: nats.url })));
  const signal = new AbortController().signal;
  const start = performance.now();
  await Promise.all(
    connections.map(async (connection, sender) => {
      for (let run = 0; run < runs; run++) {
        const messages = Array.from({ length: size }, (_, i) => ({
          ...{ id: `through-${sender}-${run}-${i}`, subject: subjects.event(`sender-${sender}`, 'bench.through'), body },
        }));
        await sendRun(connection, messages, { isAtomic: true, clock, signal });
      }
    }),
  );
  say(
    `events that one server takes from ${senders} agents at once`,
    `${Math.round((senders * runs * size) / ((performance.now() - start) / 1000))} /s`,
  );
  await Promise.all(connections.map((connection) => connection.close()));
}

/** Agents as the server sees them: a connection, its subscriptions, an entry every heartbeat. */
async function manyPeers(nats: NatsServer, serverPid: number, watching: Daemon): Promise<void> {
  const [memoryBefore, watchedBefore] = [privateMiB(serverPid), privateMiB(watching.pid())];
  const connections: NatsConnection[] = [];
  const stops: (() => void)[] = [];
  for (let n = 0; n < peers; n++) {
    const connection = await connect({ servers: nats.url });
    const name = `peer-${n}`;
    for (const subject of [subjects.rpc(name, '*', '*'), subjects.flow(name, '*'), '$SRV.PING', '$SRV.INFO', '$SRV.STATS'])
      connection.subscribe(subject);
    const client = jetstream(connection);
    const units = Array.from({ length: 3 }, (_, i) => ({ id: `unit-${i}`, state: 'READY' }));
    const entry = {
      name,
      state: 'UP',
      version: '1.0.0',
      health: 'HEALTHY',
      labels: { region: 'eu' },
      units,
      last_revision: n,
      forwarded_revision: n,
    };
    const put = (): void =>
      void client
        .publish(`$KV.${subjects.presence}.${name}`, JSON.stringify({ ...entry, heartbeat_seconds: 10, time: new Date().toISOString() }))
        .catch(() => {});
    const stopWaiting = clock.after((n * 10_000) / peers, () => {
      put();
      stops.push(clock.every(10_000, put));
    });
    stops.push(stopWaiting);
    connections.push(connection);
  }
  await sleep(25_000);
  const [server = 0, watcher = 0] = await idleCpu([serverPid, watching.pid()]);
  const perAgent = ((privateMiB(serverPid) - memoryBefore) / peers) * 1024;
  say(`server with ${peers} agents at rest: CPU`, `${server.toFixed(1)} ‰ of one`);
  say('server: memory an agent more', `${perAgent.toFixed(0)} KiB`);
  say(
    `the agent that watches over ${peers}: CPU, memory more`,
    `${watcher.toFixed(1)} ‰ of one, ${(privateMiB(watching.pid()) - watchedBefore).toFixed(1)} MiB`,
  );
  for (const stop of stops) stop();
  await Promise.all(connections.map((connection) => connection.close()));
}

const nats = await makeNatsServer();
await nats.start();
const daemons = await costOfAgents(nats);
try {
  const [watching, , following] = daemons as [Daemon, Daemon, Daemon];
  // First, while the memory of the server is what the agents alone have made of it.
  await manyPeers(nats, nats.pid(), watching);
  await lag(nats, following, 'bench-following');
  await catchUp(nats, following);
  await throughput(nats);
} finally {
  for (const daemon of daemons) await daemon.dispose();
  await nats.dispose();
}
