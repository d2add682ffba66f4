import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { openKeys } from '../../../src/cli/keys.ts';
import { systemClock } from '../../../src/kernel/clock.ts';

const never = { sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(60_000, signal) };

test('a key ends the wait at once, also one that was pressed before; the terminal is given back', async () => {
  const modes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => void modes.push(raw) });
  const keys = openKeys({ stdin, clock: never });
  stdin.write('m');
  assert.equal(await keys.next(1000), 'm');
  const next = keys.next(1000);
  stdin.write('q');
  assert.equal(await next, 'q');
  keys.close();
  assert.deepEqual(modes, [true, false]);
  assert.equal(stdin.listenerCount('data'), 0);
});

test('without a key the time passes; what is no terminal is left alone', async () => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode() {} });
  const keys = openKeys({ stdin, clock: systemClock });
  assert.equal(await keys.next(5), undefined);
  keys.close();
  const pipe = new PassThrough();
  const none = openKeys({ stdin: pipe, clock: systemClock });
  assert.equal(await none.next(5), undefined);
  none.close();
  assert.equal(pipe.listenerCount('data'), 0);
});
