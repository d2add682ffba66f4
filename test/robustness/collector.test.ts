/**
 * A collector that is killed, slow or a black hole, beside one that is well, in turns in one run: calls do not notice, memory has a bound,
 * and it is one warning an outage. The figures are compared generously, since a busy machine spoils them; they are printed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { type Daemon, freePort, makeDaemon, until } from '../helpers/daemon.ts';

type Mode = 'well' | 'dead' | 'slow' | 'hole';

const cycles = 3;
const calls = 400;
const atOnce = 8;
const slowMs = 2000;

let port = 0;
let server: Server | undefined;
let mode: Mode = 'well';
let posts = 0;
const timers = new Set<NodeJS.Timeout>();
let daemon: Daemon;

function answer(response: ServerResponse): void {
  posts += 1;
  if (mode === 'well') response.end('{}');
  if (mode !== 'slow') return;
  const timer = setTimeout(() => {
    timers.delete(timer);
    response.end('{}');
  }, slowMs);
  timers.add(timer);
}

async function turn(next: Mode): Promise<void> {
  mode = next;
  if (next === 'dead') {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  } else if (server === undefined) {
    const opened = createServer((request, response) => void request.resume().on('end', () => answer(response)));
    await new Promise<void>((resolve) => opened.listen(port, '127.0.0.1', resolve));
    server = opened;
  }
}

before(async () => {
  port = await freePort();
  await turn('well');
  daemon = await makeDaemon({
    config: { agent: { log_level: 'debug' }, telemetry: { otlp_endpoint: `http://127.0.0.1:${port}` } },
    env: { OTEL_BSP_SCHEDULE_DELAY: '100', OTEL_BLRP_SCHEDULE_DELAY: '100', OTEL_METRIC_EXPORT_INTERVAL: '500' },
  });
  await daemon.start();
});
after(async () => {
  await daemon?.dispose();
  for (const timer of timers) clearTimeout(timer);
  await turn('dead');
});

/** The 99th percentile of a round, in milliseconds. */
async function round(): Promise<number> {
  const took: number[] = [];
  const work = async (): Promise<void> => {
    for (let n = 0; n < calls / atOnce; n++) {
      const began = performance.now();
      assert.equal((await daemon.rest('GET', '/api/v1/processes')).status, 200);
      took.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] ?? 0;
}

function residentMib(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid()}/status`, 'utf8'))?.[1]) / 1024;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

test('calls, memory and the log beside a collector that is not well', async (t) => {
  await until('the first export', () => posts > 0);
  for (let n = 0; n < 3; n++) await round();
  const before = residentMib();
  const p99s = new Map<Mode, number[]>([
    ['well', []],
    ['dead', []],
    ['slow', []],
    ['hole', []],
  ]);
  let most = 0;
  for (let n = 0; n < cycles; n++) {
    for (const [next, of] of p99s) {
      await turn(next);
      of.push(await round());
      most = Math.max(most, residentMib());
    }
  }
  const well = median(p99s.get('well') ?? []);
  for (const [name, of] of p99s)
    t.diagnostic(`p99 beside a collector that is ${name}: ${median(of).toFixed(1)} ms (${(median(of) / well).toFixed(2)})`);
  t.diagnostic(`resident memory: ${before.toFixed(1)} MiB, at most ${most.toFixed(1)} MiB`);
  for (const [name, of] of p99s) assert.ok(median(of) <= 4 * well + 50, `${name}: ${median(of)} ms against ${well} ms`);
  assert.ok(most - before <= 48, `${most - before} MiB more`);
  const said = (text: string): number => daemon.log().split(text).length - 1;
  await turn('hole');
  await until('the warning', async () => {
    await round();
    return said('the collector does not take what it is sent') > said('takes what it is sent again');
  });
  const warnings = said('the collector does not take what it is sent');
  for (let n = 0; n < 3; n++) await round();
  assert.equal(said('the collector does not take what it is sent'), warnings, 'an outage is one warning');
  await turn('dead');
  await turn('well');
  // Each kind says by its own next export that it is well again.
  await until('the line that all is well', async () => {
    await round();
    return said('takes what it is sent again') === warnings;
  });
});
