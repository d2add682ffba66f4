/**
 * A collector that is killed, slow or a black hole, beside one that is well, in turns in one run: calls do not notice, also when it comes back
 * and gets what has gathered; memory has a bound; and it is one warning an outage. Calls come at a steady rate, so that a stall is felt by all
 * who come while it lasts. What else the machine does makes windows slower and never quicker, so that the 99th percentiles of several windows of
 * each kind are compared by their lower quartiles, and while something seems wrong there are more of them: what is wrong with the agent is so in
 * every window.
 *
 * COLLECTOR_MINUTE=hole (dead, slow) makes it a minute of each, one kind of outage at a time:
 * `COLLECTOR_MINUTE=hole node --test test/robustness/collector.test.ts`.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type Daemon, makeDaemon, root, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';
import { percentile, type SteadyLoad, steadyLoad } from '../helpers/steady-load.ts';

type Mode = 'well' | 'dead' | 'slow' | 'hole';
/** `back`: it is well again, and gets what it missed. */
type Window = Mode | 'back';

const perSecond = 300;
const back = ['back', 2000] as const;
/** Each outage has its windows; a black hole is noticed after three seconds. */
const short: readonly (readonly [Window, number])[] = [
  ...[['well', 4000] as const, ['dead', 4000] as const, back, ['slow', 4000] as const, back],
  ...[['well', 4000] as const, ['hole', 6000] as const, back],
];
const minute = (['dead', 'slow', 'hole'] as const).find((mode) => mode === process.env['COLLECTOR_MINUTE']);
const cycle: typeof short = minute === undefined ? short : [['well', 60_000], [minute, 60_000], back, back, back];
const [fewestCycles, mostCycles] = minute === undefined ? [3, 6] : [1, 2];
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

interface Seen {
  readonly window: Window;
  /** The 99th percentile, in milliseconds. */
  readonly p99: number;
  readonly mib: number;
}

/** A minute is looked at in parts as long as the longest of the short windows. */
async function look([window, lastsMs]: readonly [Window, number]): Promise<readonly Seen[]> {
  await turn(window === 'back' ? 'well' : window);
  const took = await load.run(perSecond, lastsMs);
  const mib = residentMib();
  return Array.from({ length: Math.ceil(lastsMs / 6000) }, (_, n) => {
    const part = took.slice(n * 6 * perSecond, (n + 1) * 6 * perSecond);
    return { window, p99: percentile(part, 0.99), mib };
  });
}

interface Figures {
  /** Lower quartiles of the windows' 99th percentiles. */
  readonly p99s: ReadonlyMap<Window, number>;
  /** Half of the windows beside a collector that is well are slower: what a busy machine does by itself. */
  readonly wellMedian: number;
  readonly wellMib: number;
  readonly mostMib: number;
}

function figuresOf(seen: readonly Seen[]): Figures {
  const of = (window: Window): readonly Seen[] => seen.filter((one) => one.window === window);
  const share = (window: Window, part: number): number =>
    percentile(
      of(window).map(({ p99 }) => p99),
      part,
    );
  return {
    p99s: new Map([...new Set(seen.map(({ window }) => window))].map((window) => [window, share(window, 0.25)])),
    wellMedian: share('well', 0.5),
    wellMib: Math.max(...of('well').map(({ mib }) => mib)),
    mostMib: Math.max(...seen.map(({ mib }) => mib)),
  };
}

/** What is too much; empty where nothing is. */
function complaints({ p99s, wellMedian, wellMib, mostMib: most }: Figures): readonly string[] {
  const well = p99s.get('well') ?? 0;
  const slow = [...p99s].filter(([, p99]) => p99 > Math.max(mostRatio * well, well + floorMs, wellMedian));
  return [
    ...slow.map(([window, p99]) => `p99 ${p99.toFixed(1)} ms (${window}) against ${well.toFixed(1)} ms (well)`),
    ...(most - wellMib > mostMib ? [`${(most - wellMib).toFixed(1)} MiB more`] : []),
  ];
}

function show(t: TestContext, { p99s, wellMib, mostMib: most }: Figures): void {
  const well = p99s.get('well') ?? 0;
  for (const [window, p99] of p99s) t.diagnostic(`p99 ${window}: ${p99.toFixed(2)} ms (${(p99 / well).toFixed(2)})`);
  t.diagnostic(`resident memory: ${wellMib.toFixed(1)} MiB beside a collector that is well, at most ${most.toFixed(1)} MiB`);
}

test('calls and memory beside a collector that is not well, and when it is back', { timeout: 900_000 }, async (t) => {
  await until('the first export', async () => (await turn('posts')) > 0);
  // Until the compiler is done and the heap has its size.
  await load.run(2 * perSecond, 8000);
  const seen: Seen[] = [];
  let cycles = 0;
  while (cycles < fewestCycles || (cycles < mostCycles && complaints(figuresOf(seen)).length > 0)) {
    for (const window of cycle) seen.push(...(await look(window)));
    cycles += 1;
  }
  show(t, figuresOf(seen));
  t.diagnostic(`${cycles} cycles`);
  assert.deepEqual(complaints(figuresOf(seen)), []);
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
