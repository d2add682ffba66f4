/**
 * A collector that is killed, slow or a black hole, beside one that is well, in turns in one run: calls do not notice, also when it comes back
 * and gets what has gathered; memory has a bound; and it is one warning an outage. Calls come at a steady rate, so that a stall is felt by all
 * who come while it lasts, and the 99th percentiles of several windows are compared by their medians. What a busy machine does beside falls on all
 * of them; it can still spoil a run, so there is a second one, and what is wrong with the agent fails both.
 *
 * COLLECTOR_MINUTE=1 makes every outage a minute: `COLLECTOR_MINUTE=1 node --test test/robustness/collector.test.ts`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type Daemon, freePort, makeDaemon, root, until } from '../helpers/daemon.ts';
import { percentile, type SteadyLoad, steadyLoad } from '../helpers/steady-load.ts';

type Mode = 'well' | 'dead' | 'slow' | 'hole';
/** `back`: it is well again, and gets what it missed. */
type Window = Mode | 'back';

const minute = process.env['COLLECTOR_MINUTE'] !== undefined;
const perSecond = 300;
const cycle: readonly (readonly [Window, number])[] = minute
  ? (['dead', 'slow', 'hole'] as const).flatMap((mode) => [['well', 60_000] as const, [mode, 60_000] as const, ['back', 5000] as const])
  : [
      ...[['well', 4000] as const, ['dead', 4000] as const, ['back', 2000] as const, ['slow', 4000] as const, ['back', 2000] as const],
      ...[['well', 4000] as const, ['hole', 6000] as const, ['back', 2000] as const],
    ];
const cycles = minute ? 1 : 3;
const mostRuns = 2;
/** What counts as no difference, however short calls are. */
const floorMs = 2;
const mostRatio = 1.2;
const mostMib = 16;

let port = 0;
let collector: ChildProcess | undefined;
let daemon: Daemon;
let load: SteadyLoad;

/** Makes the collector so. Answers how many requests it has had. */
async function turn(mode: Mode | 'posts'): Promise<number> {
  if (mode === 'dead') {
    const dying = collector;
    collector = undefined;
    if (dying?.kill('SIGKILL')) await once(dying, 'exit');
    return 0;
  }
  if (collector === undefined) {
    collector = fork(join(root, 'test/fixtures/telemetry/collector.ts'), [String(port)], { execArgv: [] });
    await once(collector, 'message');
  }
  collector.send(mode);
  return Number((await once(collector, 'message'))[0]);
}

before(async () => {
  port = await freePort();
  await turn('well');
  daemon = await makeDaemon({
    config: { agent: { log_level: 'debug' }, telemetry: { otlp_endpoint: `http://127.0.0.1:${port}` } },
    env: { OTEL_METRIC_EXPORT_INTERVAL: '1000' },
  });
  await daemon.start();
  load = steadyLoad({ port: daemon.port, path: '/api/v1/processes', token: daemon.token() });
});
after(async () => {
  load?.close();
  await daemon?.dispose();
  await turn('dead');
});

function residentMib(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid()}/status`, 'utf8'))?.[1]) / 1024;
}

interface Run {
  /** The median of the windows' 99th percentiles, in milliseconds. */
  readonly p99s: ReadonlyMap<Window, number>;
  readonly wellMib: number;
  readonly mostMib: number;
}

async function run(): Promise<Run> {
  const windows: { readonly window: Window; readonly p99: number; readonly mib: number }[] = [];
  for (let n = 0; n < cycles; n++) {
    for (const [window, lastsMs] of cycle) {
      await turn(window === 'back' ? 'well' : window);
      const took = await load.run(perSecond, lastsMs);
      windows.push({ window, p99: percentile(took, 0.99), mib: residentMib() });
    }
  }
  const of = (window: Window) => windows.filter((one) => one.window === window);
  const names = [...new Set(windows.map(({ window }) => window))];
  const median = (window: Window): number =>
    percentile(
      of(window).map(({ p99 }) => p99),
      0.5,
    );
  return {
    p99s: new Map(names.map((window) => [window, median(window)])),
    wellMib: Math.max(...of('well').map(({ mib }) => mib)),
    mostMib: Math.max(...windows.map(({ mib }) => mib)),
  };
}

/** What is too much in a run; empty where nothing is. */
function complaints({ p99s, wellMib, mostMib: most }: Run): readonly string[] {
  const well = p99s.get('well') ?? 0;
  const slow = [...p99s].filter(([, p99]) => p99 > Math.max(mostRatio * well, well + floorMs));
  return [
    ...slow.map(([window, p99]) => `p99 ${p99.toFixed(1)} ms (${window}) against ${well.toFixed(1)} ms (well)`),
    ...(most - wellMib > mostMib ? [`${(most - wellMib).toFixed(1)} MiB more`] : []),
  ];
}

function show(t: TestContext, { p99s, wellMib, mostMib: most }: Run): void {
  const well = p99s.get('well') ?? 0;
  for (const [window, p99] of p99s) t.diagnostic(`p99 ${window}: ${p99.toFixed(2)} ms (${(p99 / well).toFixed(2)})`);
  t.diagnostic(`resident memory: ${wellMib.toFixed(1)} MiB beside a collector that is well, at most ${most.toFixed(1)} MiB`);
}

test('calls and memory beside a collector that is not well, and when it is back', { timeout: 900_000 }, async (t) => {
  await until('the first export', async () => (await turn('posts')) > 0);
  // Until the compiler is done and the heap has its size.
  await load.run(2 * perSecond, 8000);
  let wrong: readonly string[] = [];
  for (let n = 0; n < mostRuns; n++) {
    const result = await run();
    show(t, result);
    wrong = complaints(result);
    if (wrong.length === 0) break;
  }
  assert.deepEqual(wrong, []);
});

test('an outage is one warning, however long, and one line when it is over', async () => {
  const said = (text: string): number => daemon.log().split(text).length - 1;
  const warned = (): number => said('the collector does not take what it is sent');
  const well = (): number => said('takes what it is sent again');
  const busy = async (): Promise<void> => void (await load.run(perSecond, 500));
  for (const mode of ['hole', 'dead'] as const) {
    await turn('well');
    await until('all is well', async () => {
      await busy();
      return warned() === well();
    });
    const warnings = warned();
    await turn(mode);
    await until(`the warning (${mode})`, async () => {
      await busy();
      return warned() > warnings;
    });
    for (let n = 0; n < 10; n++) await busy();
    assert.equal(warned(), warnings + 1, mode);
  }
  const text = await (await fetch(`${daemon.base}/metrics`, { headers: { authorization: `Bearer ${daemon.token()}` } })).text();
  const lost = /^sboxagent_otlp_dropped_total\{signal="traces"\} (\d+)$/m.exec(text)?.[1];
  assert.ok(Number(lost) > 0, 'what found no room is counted');
  await turn('well');
  // Each kind says by its own next export that it is well again.
  await until('the line that all is well', async () => {
    await busy();
    return warned() === well();
  });
});
