/** 5,000 mutated frames on the socket for sboxmgr: the agent lives, and well-formed requests in between are answered at once and in order. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon } from '../helpers/daemon.ts';
import { type FramedClient, framed, framedClient } from '../helpers/framed-json.ts';

const frames = 5_000;
/** Well-formed requests are asked after each so many mutated ones. */
const every = 10;

let daemon: Daemon;
let path: string;
before(async () => {
  daemon = await makeDaemon();
  await daemon.start();
  path = join(daemon.dir, 'sboxmgr.sock');
});
after(() => daemon.dispose());

/** mulberry32: the same frames every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = seeded(20_261_123);
const below = (n: number): number => Math.floor(random() * n);
const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;

const odd: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  '',
  'x'.repeat(5000),
  [],
  [[]],
  {},
  { a: null },
  '\ud800',
  '__proto__',
  0.1,
  [null, {}],
];
const bases = [
  { id: 'a', type: 'command', timestamp: 't', command: { command: 'ping', params: {} } },
  { id: 'b', type: 'command', timestamp: 't', command: { command: 'status', params: {} } },
  {
    id: 'c',
    type: 'event',
    timestamp: '2025-01-28T10:00:00Z',
    event: { event_type: 'mutated', source: 's', priority: 'high', data: { n: 1 } },
  },
  { id: 'd', type: 'event', timestamp: 't', event: { event: { type: 'LOG', data: { level: 'info', message: 'm' } } } },
  { id: 'e', type: 'heartbeat', timestamp: 't', heartbeat: { agent_id: 'x', status: 'healthy' } },
];

/** Puts something odd in a place of a message, or takes a field away. */
function twisted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.15) return pick(odd);
  const entries = Object.entries(value);
  const at = below(entries.length);
  if (random() < 0.2) return Object.fromEntries(entries.filter((_, i) => i !== at));
  return Object.fromEntries(
    entries.map(([key, item], i) => (i === at ? [random() < 0.1 ? String(pick(odd)) : key, twisted(item)] : [key, item])),
  );
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let i = 0; i <= below(8); i++) copy[below(copy.length)] = below(256);
  return copy;
}

const mutations: readonly (() => Buffer)[] = [
  () => framed(JSON.stringify(twisted(pick(bases))) ?? ''),
  () => framed(JSON.stringify(twisted(twisted(pick(bases)))) ?? ''),
  () => flipped(framed(JSON.stringify(pick(bases)))),
  () => framed(flipped(Buffer.from(JSON.stringify(pick(bases))))),
  () => framed(JSON.stringify(pick(bases)), below(5)),
  () => framed(JSON.stringify(pick(bases)), 1, below(0xffffffff)),
  () => framed(JSON.stringify(pick(bases)), 1, below(300)),
  () => framed(JSON.stringify(pick(bases))).subarray(0, below(60)),
  () => framed(pick(['[', '{"a":', '"']).repeat(below(5000))),
  () => framed(Buffer.from(Array.from({ length: below(500) }, () => below(256)))),
  () => Buffer.from(Array.from({ length: below(200) }, () => below(256))),
  () => framed(JSON.stringify({ ...pick(bases), id: pick(odd) })),
];

/** What a mutated frame gets is replies that are well formed, or the end of the connection. */
async function throwAt(bytes: Buffer): Promise<void> {
  const socket = createConnection({ path });
  // A reset is an end like another: what has been read by then counts.
  const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(bytes);
  await closed;
  let rest = Buffer.concat(chunks);
  while (rest.length > 0) {
    assert.equal(rest.readUInt32BE(4), 1);
    const length = rest.readUInt32BE(0);
    const text = rest.toString('utf8', 8, 8 + length);
    assert.ok(!/"(?:data|error|details|heartbeat|response)":(?:null|\[)/.test(text), text.slice(0, 200));
    const reply = JSON.parse(text) as { type: string };
    assert.ok(['response', 'heartbeat'].includes(reply.type));
    rest = rest.subarray(8 + length);
  }
}

async function askInTime(client: FramedClient, id: string, message: object): Promise<number> {
  const began = performance.now();
  const reply = await client.ask({ id, timestamp: 't', ...message });
  assert.equal(reply.id, id, 'in order');
  assert.equal(reply.response?.status, 'success', JSON.stringify(reply).slice(0, 300));
  return performance.now() - began;
}

test(`${frames} mutated frames`, { timeout: 120_000 }, async (t) => {
  const client = await framedClient(path);
  const pid = daemon.pid();
  const times: number[] = [];
  for (let done = 0; done < frames; done += every) {
    const thrown = Array.from({ length: every }, () => throwAt(pick(mutations)()));
    times.push(await askInTime(client, `ping-${done}`, { type: 'command', command: { command: 'ping', params: {} } }));
    times.push(
      await askInTime(client, `event-${done}`, { type: 'event', event: { event_type: 'well_formed', source: 'test', data: { done } } }),
    );
    await Promise.all(thrown);
  }
  client.close();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.ceil(times.length * share) - 1] ?? 0;
  t.diagnostic(
    `${times.length} well-formed requests in between: p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, worst ${at(1).toFixed(1)} ms`,
  );
  assert.equal(daemon.pid(), pid);
  assert.equal((await daemon.rest('GET', '/api/v1/health')).status, 200);
  const { json } = await daemon.rest('GET', '/api/v1/events?filter.types=sboxmgr.well_formed&page_size=1000');
  assert.equal((json as { events: unknown[] }).events.length, frames / every);
  assert.doesNotMatch(daemon.log(), /unhandled|uncaught|a request of sboxmgr failed/i);
});
