/** The daemon is killed with -9 at random moments of applies: afterwards file, engine and history agree, whichever config it is. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreign, makeDaemon, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const singBox = foreign('sing-box');
const kills = Number(process.env['APPLY_KILLS'] ?? 60);
/** Longer than an apply takes here, so that some of the kills come after it. */
const longestWaitMs = 1100;

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

test(`${kills} kills: file, engine and history agree after each`, {
  skip: singBox === undefined ? 'no sing-box' : false,
  timeout: 600_000,
}, async (t) => {
  const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const origin = createHttpServer((_, res) => res.end('ok')).listen(0, '127.0.0.1');
  await new Promise((resolve) => origin.once('listening', resolve));
  const address = origin.address();
  const originPort = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const [main, ...marks] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const nowhere = await freePort();
  const config = (mark: number, good: boolean): string =>
    JSON.stringify({
      log: { level: 'info' },
      inbounds: [main, mark].map((port, i) => ({ type: 'mixed', tag: `in${i}`, listen: '127.0.0.1', listen_port: port })),
      outbounds: [good ? { type: 'direct', tag: 'out' } : { type: 'socks', tag: 'out', server: '127.0.0.1', server_port: nowhere }],
    });
  const daemon = await makeDaemon({ env: { PATH: `${dirname(singBox ?? '')}:${process.env['PATH']}` } });
  t.after(async () => {
    origin.close();
    origin.closeAllConnections();
    await daemon.rest('DELETE', '/api/v1/processes/edge').catch(() => undefined);
    await daemon.dispose();
  });
  const path = join(daemon.dir, 'edge.json');
  writeFileSync(path, config(marks[0] ?? 0, true), { mode: 0o600 });
  const probe = {
    proxy: { url: `http://127.0.0.1:${originPort}/`, status: ['200'] },
    period: '100ms',
    // One answer that a busy machine is late with is no reason to take a good config back; nobody listens behind a bad one.
    timeout: '5s',
    failure_threshold: 2,
  };
  const edge = { engine: 'sing-box', config_path: path, autostart: true, apply: { ready_within: '20s', soak: '300ms', probe } };
  const base = JSON.parse(readFileSync(daemon.configPath, 'utf8')) as object;
  writeFileSync(daemon.configPath, JSON.stringify({ ...base, processes: { units: { edge } } }), { mode: 0o600 });
  await daemon.start();
  const view = async (): Promise<{ state: string; config_revision: number }> =>
    (await daemon.rest('GET', '/api/v1/processes/edge')).json as never;
  await until('READY', async () => (await view()).state === 'READY');
  const outcomes = new Map<string, number>();
  for (let n = 0; n < kills; n++) {
    const mark = marks[1 + (n % 2)] ?? 0;
    const good = random() < 0.7;
    const reply = daemon
      .rest('PUT', '/api/v1/processes/edge/config', { content: config(mark, good) })
      .then(({ status }) => status)
      .catch(() => 0);
    await sleep(random() * longestWaitMs);
    await daemon.kill('SIGKILL');
    const status = await reply;
    await daemon.start();
    await until('READY again', async () => (await view()).state === 'READY');
    // What was interrupted is told as over before anything is compared.
    await until('the end of the interrupted apply', async () => {
      const { json } = await daemon.rest('GET', '/api/v1/processes/edge/config');
      return (json as { drifted: boolean }).drifted === false;
    });
    const inFile = (JSON.parse(readFileSync(path, 'utf8')) as { inbounds: { listen_port: number }[] }).inbounds[1]?.listen_port ?? 0;
    await until(`the engine to run with what the file has (kill ${n})`, async () => {
      const open = await Promise.all(marks.map(isOpen));
      return marks.every((port, i) => open[i] === (port === inFile));
    });
    const { revisions } = (await daemon.rest('GET', '/api/v1/processes/edge/config/revisions?page_size=100')).json as {
      revisions: readonly { revision: number; result: string }[];
    };
    const applied = revisions.find(({ result }) => result === 'APPLIED');
    assert.equal((await view()).config_revision, applied?.revision, JSON.stringify(revisions));
    if (status === 200) assert.equal(inFile, mark, 'what was answered with OK stays');
    if (!good && status !== 200)
      assert.notEqual(JSON.parse(readFileSync(path, 'utf8')).outbounds[0].type, 'socks', 'what passes no traffic never stays');
    const kind = `${good ? 'good' : 'bad'} ${status === 0 ? 'cut' : status}`;
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
  }
  t.diagnostic(JSON.stringify([...outcomes]));
});
