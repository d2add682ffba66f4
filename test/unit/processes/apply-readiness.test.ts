/** After a reload in place an apply waits for the readiness probe: that the state is READY was said of the config before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { untilReady } from '../../../src/processes/apply/soak.ts';
import { createSubject } from '../../../src/processes/apply/subject.ts';
import { engines } from '../../../src/processes/engines/index.ts';
import type { ProcessView } from '../../../src/processes/types.ts';
import type { UnitProbe, UnitSettings } from '../../../src/settings/types.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

const probe: UnitProbe = {
  action: { kind: 'tcp', host: '127.0.0.1', port: 1 },
  ...{ initialDelayMs: 0, periodMs: 10_000, timeoutMs: 1000, successThreshold: 2, failureThreshold: 3 },
};

/** Looks in turn as `answers` say, the last one for ever, while time goes on by a second a turn. */
async function waits(answers: readonly boolean[]): Promise<{ readonly outcome: string; readonly looks: number }> {
  const { clock, advance } = bentClock();
  let looks = 0;
  let outcome = '';
  const probeOnce = async () => {
    const ok = answers[Math.min(looks, answers.length - 1)] ?? false;
    looks += 1;
    return { ok, message: ok ? 'connected' : 'connection refused' };
  };
  untilReady({ probe, withinMs: 5000, probeOnce, clock, signal: new AbortController().signal }).then(
    () => (outcome = 'ready'),
    (error: unknown) => (outcome = String(error)),
  );
  for (let second = 0; second < 10 && outcome === ''; second += 1) {
    await nextTurn();
    advance(1000);
    await nextTurn();
  }
  return { outcome, looks };
}

test('ready is who succeeded as often in a row as the probe asks, however long its period is', async () => {
  assert.deepEqual(await waits([false, true, false, true, true]), { outcome: 'ready', looks: 5 });
});

test('who does not succeed in time has not proved itself, and the last answer says why', async () => {
  const { outcome, looks } = await waits([false]);
  assert.match(outcome, /the readiness probe did not succeed within 5 s: connection refused/);
  assert.equal(looks, 6);
});

test('an engine that took up its config in place is ready only by its probe', async () => {
  const { clock } = bentClock();
  const view = { id: 'edge', state: 'READY', desired: 'UP' } as ProcessView;
  const gate = Promise.withResolvers<void>();
  const subject = createSubject({
    supervisor: {
      get: () => view,
      onChange: () => () => undefined,
      beginTrial: () => ({ use: () => undefined, restart: async () => view, reload: async () => view, end: () => undefined }),
    },
    unit: { id: 'edge', apply: { readyWithinMs: 5000 } } as UnitSettings,
    engine: engines['sing-box'],
    traceId: '',
    clock,
    readiness: () => gate.promise,
    probe: undefined,
    stopping: new AbortController().signal,
  });
  const { how, ready } = await subject.beginTrial().takeUp();
  assert.equal(how, 'reloaded');
  let isReady = false;
  ready.then(() => (isReady = true));
  await nextTurn();
  assert.equal(isReady, false);
  gate.resolve();
  await ready;
});
