import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeAgent } from '../helpers/fake-agent.ts';

const program = join(import.meta.dirname, '../../bin/sboxagent');
let agent: FakeAgent;
let followers: Follower[] = [];

interface Follower {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
}

function follow(...argv: string[]): Follower {
  const child = spawn(program, [...argv, ...agent.at], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    err += String(chunk);
  });
  const follower = { child, out: () => out, err: () => err };
  followers.push(follower);
  return follower;
}

async function until(what: string, condition: () => boolean, follower: Follower): Promise<void> {
  for (let tries = 0; tries < 1500; tries++) {
    if (condition()) return;
    await sleep(20);
  }
  assert.fail(`${what}; out: ${follower.out()}; err: ${follower.err()}`);
}

beforeEach(async () => {
  agent = new FakeAgent();
  await agent.start();
});
afterEach(async () => {
  for (const { child } of followers) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  followers = [];
  agent.stop();
});

const revisions = (text: string): number[] => [...text.matchAll(/"revision":"(\d+)"/g)].map((m) => Number(m[1]));

test('events -f goes on over a restart of the agent: each event once, in order', async () => {
  for (let n = 0; n < 3; n++) agent.addEvent({ type: 'a.b' });
  const f = follow('events', '-f', '--after', '0', '-o', 'json');
  await until('the old ones', () => revisions(f.out()).length === 3, f);
  agent.kill();
  await until('the loss is told', () => f.err().includes('trying again'), f);
  await sleep(300);
  agent.addEvent({ type: 'a.b' });
  await agent.start();
  await until('what came meanwhile', () => revisions(f.out()).length === 4, f);
  agent.addEvent({ type: 'a.b' });
  await until('and goes on', () => revisions(f.out()).length === 5, f);
  assert.deepEqual(revisions(f.out()), [1, 2, 3, 4, 5]);
  assert.equal(f.err().match(/trying again/g)?.length, 1);
  assert.match(f.err(), /connected again/);
  for (const line of f.out().trim().split('\n')) assert.equal(JSON.parse(line).type, 'a.b');
});

test('events -f without a cursor resumes where its filter left nothing', async () => {
  agent.addEvent({ type: 'old.one' });
  const f = follow('events', '-f', '--type', 'x.y', '-o', 'json');
  await until('it watches', () => agent.watchRequests.length === 1, f);
  agent.addEvent({ type: 'other' });
  await sleep(100);
  agent.kill();
  agent.addEvent({ type: 'x.y' });
  await agent.start();
  await until('what came meanwhile', () => revisions(f.out()).length === 1, f);
  assert.deepEqual(revisions(f.out()), [3]);
  assert.deepEqual(
    agent.watchRequests.map((r) => r.after_revision),
    [undefined, '2'],
  );
});

test('events -f -n shows the last first, and no gap follows', async () => {
  for (let n = 0; n < 5; n++) agent.addEvent({ type: 'a.b' });
  const f = follow('events', '-f', '-n', '2');
  await until('the last two', () => /^5 /m.test(f.out()), f);
  agent.addEvent({ type: 'a.b' });
  await until('the next', () => /^6 /m.test(f.out()), f);
  assert.deepEqual(
    [...f.out().matchAll(/^(\d+) /gm)].map((m) => Number(m[1])),
    [4, 5, 6],
  );
});

test('a cursor that the agent gave up ends it, also after a restart', async () => {
  for (let n = 0; n < 5; n++) agent.addEvent({ type: 'a.b' });
  const f = follow('events', '-f', '--after', '3');
  await until('the first', () => /^5 /m.test(f.out()), f);
  agent.kill();
  agent.firstRevision = 10;
  await agent.start();
  const [code] = await once(f.child, 'exit');
  assert.equal(code, 1);
  assert.match(f.err(), /REVISION_COMPACTED/);
});

test('logs -f: the backlog, then what comes, over a restart, without hole or repeat', async () => {
  for (let n = 1; n <= 5; n++) agent.addLine(n === 3 ? 'agent' : 'edge', `line-${n}`);
  agent.addProcess({ id: 'edge', state: 'RUNNING', pid: 4 });
  const lines = (f: Follower): number[] => [...f.out().matchAll(/line-(\d+)/g)].map((m) => Number(m[1]));
  const f = follow('logs', 'edge', '-f', '-n', '2');
  await until('the backlog', () => lines(f).length === 2, f);
  await until('it tails', () => agent.tailRequests.length === 1, f);
  agent.addLine('edge', 'line-6');
  await until('the next', () => lines(f).length === 3, f);
  agent.kill();
  agent.addLine('edge', 'line-7');
  await agent.start();
  await until('what came meanwhile', () => lines(f).length === 4, f);
  assert.deepEqual(lines(f), [4, 5, 6, 7]);
});

test('logs -f of a process that has written nothing yet misses nothing', async () => {
  agent.addProcess({ id: 'edge', state: 'RUNNING', pid: 4 });
  const f = follow('logs', 'edge', '-f', '--grep', 'good');
  await until('it tails', () => agent.tailRequests.length === 1, f);
  agent.addLine('edge', 'bad-1');
  agent.addLine('edge', 'good-2');
  await until('the line', () => f.out().includes('good-2'), f);
  assert.doesNotMatch(f.out(), /bad-1/);
});

test('Ctrl-C ends it at once, without a word', async () => {
  const f = follow('events', '-f');
  await until('it watches', () => agent.watchRequests.length === 1, f);
  f.child.kill('SIGINT');
  const [code, signal] = await once(f.child, 'exit');
  assert.ok(code === 0 || code === 130 || signal === 'SIGINT', `${code} ${signal}`);
  assert.equal(f.err(), '');
});

test('a reader that has had enough ends it quietly', async () => {
  for (let n = 0; n < 3; n++) agent.addEvent({ type: 'a.b' });
  const f = follow('events', '-f', '--after', '0');
  await until('it watches', () => f.out().includes('a.b'), f);
  f.child.stdout?.destroy();
  agent.addEvent({ type: 'a.b' });
  agent.addEvent({ type: 'a.b' });
  const [code] = await once(f.child, 'exit');
  assert.equal(code, 0);
  assert.equal(f.err(), '');
});
