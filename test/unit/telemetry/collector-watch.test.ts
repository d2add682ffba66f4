import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCollectorWatch } from '../../../src/telemetry/collector-watch.ts';
import { bentClock } from '../../helpers/bent-clock.ts';

function watched() {
  const { clock, advance } = bentClock(1000);
  const said: string[] = [];
  const watch = createCollectorWatch({ warn: () => void said.push('warn'), info: () => void said.push('info') }, clock);
  const exporter = () => ({
    code: 0,
    export(_items: never, done: (result: { code: number }) => void): void {
      done({ code: this.code });
    },
  });
  const make = (signal: string) => {
    const one = watch.watch(signal, exporter());
    return (code: number): void => {
      one.code = code;
      let answered = -1;
      one.export([] as never, (result) => {
        answered = result.code;
      });
      assert.equal(answered, code, 'who exports is answered as before');
    };
  };
  return { said, advance, traces: make('traces'), logs: make('logs') };
}

test('an outage is one warning for all kinds, and one line when each of them is taken again', () => {
  const { said, traces, logs } = watched();
  traces(0);
  assert.deepEqual(said, []);
  for (let n = 0; n < 10; n++) {
    traces(1);
    logs(1);
  }
  assert.deepEqual(said, ['warn']);
  traces(0);
  assert.deepEqual(said, ['warn'], 'lines are refused still');
  logs(0);
  assert.deepEqual(said, ['warn', 'info']);
});

test('a collector that never takes one kind is one warning; one kind that is not sent any more keeps nobody waiting for ever', () => {
  const { said, advance, traces, logs } = watched();
  for (let n = 0; n < 100; n++) {
    traces(0);
    logs(1);
    advance(60_000);
  }
  assert.deepEqual(said, ['warn']);
  advance(300_000);
  traces(0);
  assert.deepEqual(said, ['warn', 'info']);
});
