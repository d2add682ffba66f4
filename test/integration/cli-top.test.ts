/** `sboxagent top` of a daemon: once, and live until it is interrupted. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { runCli } from '../../src/cli/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { cli } from '../helpers/cli-io.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

let daemon: Daemon;
let target: readonly string[];
before(async () => {
  const busy = { command: ['/bin/sh', '-c', 'while :; do :; done'], autostart: true };
  const idle = { command: ['/bin/sleep', '300'], autostart: true };
  daemon = await makeDaemon({ config: { processes: { units: { busy, idle, off: { command: ['/bin/sleep', '300'] } } } } });
  await daemon.start();
  target = ['--target', `unix:${join(daemon.stateDir, 'api.sock')}`];
});
after(() => daemon.dispose());

test('once as JSON: the machine and every process, the busiest first', async () => {
  interface Answer {
    readonly system: Readonly<Record<string, number>>;
    readonly processes: readonly { id: string; cpu_usage_ratio?: number; resident_memory_bytes?: number }[];
  }
  const answer = await until('figures', async () => {
    const { code, out, err } = await cli(['top', '-o', 'json', ...target]);
    assert.equal(code, 0, err);
    const parsed = JSON.parse(out) as Answer;
    return (parsed.processes[0]?.cpu_usage_ratio ?? 0) > 0.1 && parsed;
  });
  assert.deepEqual(
    answer.processes.map(({ id }) => id),
    ['busy', 'idle', 'off'],
  );
  assert.ok((answer.processes[1]?.resident_memory_bytes ?? 0) > 0);
  assert.equal(answer.processes[2]?.resident_memory_bytes, undefined);
  assert.ok((answer.system['memory_total_bytes'] ?? 0) > 0);
});

test('as a table, sorted and filtered; a sort that there is not is a usage error', async () => {
  const { out } = await cli(['top', '--sort', 'id', '--filter', 'stop', ...target]);
  assert.match(out, /^cpu .*1 process(?:es)?\n\nID +STATE +CPU +MEMORY +UP\/S/);
  assert.match(out, /\noff +STOPPED/);
  assert.doesNotMatch(out, /busy/);
  assert.equal((await cli(['top', '--sort', 'colour', ...target])).code, 2);
});

test('on a terminal it paints again, and goes on when the agent was away', async () => {
  const stdout = new PassThrough();
  let screens = 0;
  let text = '';
  stdout.on('data', (chunk: Buffer) => {
    text += String(chunk);
  });
  const clear = '\u001b[H\u001b[J';
  const lastScreen = (): string => text.split(clear).at(-1) ?? '';
  const interrupted = new Error('Ctrl-C');
  const clock = {
    ...systemClock,
    async sleep() {
      screens += 1;
      if (screens === 1) await daemon.kill('SIGTERM');
      if (screens === 2) await daemon.start();
      if (screens < 3) return;
      // Also a connection takes its time to come back.
      await systemClock.sleep(50);
      if (/busy/.test(lastScreen())) throw interrupted;
    },
  };
  const io = {
    ...{ stdin: new PassThrough().end(), stdout, stderr: new PassThrough(), terminal: true, columns: 60, rows: 12, cwd: '/', clock },
    env: async () => ({}),
  };
  await runCli(['top', ...target], io).catch((error: unknown) => assert.equal(error, interrupted));
  const painted = text.split(clear).slice(1);
  assert.match(painted[0] ?? '', /busy/);
  assert.match(painted[1] ?? '', /trying again/);
  assert.match(painted.at(-1) ?? '', /busy/);
});
