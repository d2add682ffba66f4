/** `npm run bench [-- --only NAME] [--long]`: the benches one after the other, as a table and, with --json, as JSON lines. */
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';
import { fanout } from './fanout.ts';
import { goFanout, goUnary } from './go.ts';
import { goalOf } from './goals.ts';
import { growth } from './growth.ts';
import { ingest } from './ingest.ts';
import { type ClosableLab, openLab } from './lab.ts';
import { leases } from './leases.ts';
import { compare } from './measure.ts';
import { tableHead, tableRows } from './report.ts';
import { rest } from './rest.ts';
import { command, memory, start, watcher } from './start.ts';
import { supervise } from './supervise.ts';
import { telemetry } from './telemetry.ts';
import { unary } from './unary.ts';

const benches: Readonly<Record<string, Bench>> = {
  unary,
  rest,
  'go-unary': goUnary,
  fanout,
  'go-fanout': goFanout,
  ingest,
  supervise,
  start,
  command,
  memory,
  watcher,
  telemetry,
  leases,
  growth,
};
const short = { rounds: 5, roundMs: 800, limitMs: 8 * 60_000, long: false };
const long = { rounds: 5, roundMs: 1500, limitMs: 20 * 60_000, long: true };

const usage = `npm run bench -- [--only NAME]... [--long] [--json]   NAME: ${Object.keys(benches).join(', ')}\n`;

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n`);
  process.exit(2);
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true, default: [] },
        long: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const unknown = values.only.find((name) => !(name in benches));
    return unknown === undefined ? values : fail(`there is no bench ${unknown}; ${usage}`);
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}; ${usage}`);
  }
}

const { only, long: isLong, json, help } = options();
if (help) {
  process.stdout.write(usage);
  process.exit(0);
}
const scale = isLong ? long : short;
let lab: ClosableLab | undefined;
let ending = false;

/** Whatever ends it, nothing stays behind: no daemon, no peer, no directory. */
async function end(code: number, why: string): Promise<void> {
  if (ending) return;
  ending = true;
  process.stderr.write(`bench: ${why}\n`);
  await lab?.close();
  process.exit(code);
}

process.once('SIGINT', () => void end(130, 'interrupted'));
process.once('SIGHUP', () => void end(129, 'the terminal is gone'));
process.once('SIGTERM', () => void end(143, 'asked to end'));
process.once('uncaughtException', (error) => void end(1, error.stack ?? error.message));
setTimeout(() => void end(1, `not done after ${scale.limitMs / 60_000} minutes`), scale.limitMs).unref();

async function runBench(bench: Bench): Promise<void> {
  const opened = openLab(scale);
  lab = opened;
  try {
    for await (const comparison of bench(opened)) {
      const result = await compare(comparison, Math.min(scale.rounds, comparison.rounds ?? scale.rounds));
      process.stdout.write(json ? `${JSON.stringify(result)}\n` : tableRows(result, goalOf(result)));
    }
  } finally {
    await opened.close();
  }
}

let failed = false;
if (!json) process.stdout.write(tableHead(scale.rounds));
for (const [name, bench] of Object.entries(benches)) {
  if (ending || (only.length > 0 && !only.includes(name))) continue;
  try {
    await runBench(bench);
  } catch (error) {
    if (ending) break;
    failed = true;
    process.stderr.write(`bench ${name} failed: ${error instanceof Error ? error.stack : error}\n`);
  }
}
if (!ending) process.exit(failed ? 1 : 0);
