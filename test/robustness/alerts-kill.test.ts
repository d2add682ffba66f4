/** Eight deaths by kill -9 while alerts come and go: every transition is one event, and a webhook that deduplicates knows the truth. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { openAlertRoom, receiver } from '../helpers/alert-room.ts';
import { eventually, scratch } from '../helpers/event-room.ts';

const program = join(import.meta.dirname, '../fixtures/alerts/daemon.ts');
const deaths = 8;

function say(dir: string, subjects: readonly string[]): void {
  writeFileSync(join(dir, 'findings.new'), subjects.join(' '));
  renameSync(join(dir, 'findings.new'), join(dir, 'findings'));
}

async function start(dir: string, url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, dir, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit').then(() => assert.fail('it ended'))]);
  return child;
}

/** Answers what fires, as the program itself last said. */
function hearFiring(child: ChildProcess): () => string | undefined {
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-10_000)));
  return () => [...said.matchAll(/^firing (.*)\n/gm)].at(-1)?.[1];
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

test('alerts survive kill -9 at any moment', async () => {
  using at = scratch();
  await using ops = await receiver();
  say(at.dir, ['always']);
  for (let n = 0; n < deaths; n++) {
    const child = await start(at.dir, ops.url);
    try {
      const until = systemClock.monotonicMs() + 100 + ((n * 137) % 900);
      // However busy the machine is, half of the lives see something begin.
      const fires = hearFiring(child);
      const hasBegun = (): boolean => n % 2 === 1 || /\bn\d/.test(fires() ?? '');
      for (let turn = 0; systemClock.monotonicMs() < until || !hasBegun(); turn++) {
        say(at.dir, ['always', ...(turn % 2 === 0 ? ['a', `n${n}-${turn}`] : [])]);
        await systemClock.sleep(90 + (n % 5) * 20);
      }
    } finally {
      await end(child, 'SIGKILL');
    }
  }
  say(at.dir, ['always']);
  const child = await start(at.dir, ops.url);
  const truth = (): Map<string, string> => {
    const states = new Map<string, string>();
    for (const { body } of ops.posts) {
      const { alerts } = JSON.parse(body) as { alerts: { id: string; subject: string; state: string }[] };
      for (const { id, subject, state } of alerts) states.set(`${subject} ${id}`, state);
    }
    return states;
  };
  const firing = (): string[] => [...truth()].filter(([, state]) => state === 'FIRING').map(([key]) => key.split(' ')[0] ?? '');
  const fires = hearFiring(child);
  try {
    // What fired unheard before the last death is not known to the webhook: the program says that it is over.
    await eventually(() => fires() === 'always' && firing().join() === 'always');
    await end(child, 'SIGTERM');
  } finally {
    await end(child, 'SIGKILL');
  }

  await using room = await openAlertRoom({ dir: at.dir, begin: false });
  const alerts = room.alerts.list();
  assert.ok(alerts.length > deaths, `${alerts.length} alerts`);
  assert.deepEqual(
    alerts.filter(({ state }) => state === 'FIRING').map(({ subject }) => subject),
    ['always'],
  );
  assert.equal(alerts.filter(({ subject }) => subject === 'always').length, 1, 'what always was wrong is one alert');
  const wanted = alerts.flatMap(({ id, state }) => [`alert.firing ${id}`, ...(state === 'RESOLVED' ? [`alert.resolved ${id}`] : [])]);
  const told = (await room.events()).map(({ type, subject }) => `${type} ${subject}`);
  assert.deepEqual(told.toSorted(), wanted.toSorted());
});
