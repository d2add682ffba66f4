/** What nobody caught, in a program of its own: this one has a runner that catches it first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine } from '../../../src/app/faults.ts';
import { runProgram } from '../../helpers/daemon.ts';

const url = (path: string): string => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);

const program = (body: string): string => `
const { catchFaults, oneLine } = await import(${url('app/faults.ts')});
const { systemClock } = await import(${url('kernel/clock.ts')});
const say = (text) => process.stdout.write(text + '\\n');
const faults = catchFaults(systemClock, (error) => { process.stderr.write('fatal: ' + oneLine(error) + '\\n'); process.exit(70); });
const logger = { error: (fields, text) => say('error: ' + text + ': ' + fields.error.message), fatal: (fields, text) => say('fatal: ' + text) };
const serve = () => faults.serving({ logger, end: () => { say('ends in good order'); process.exitCode = 70; } });
const soon = () => new Promise((resolve) => setTimeout(resolve, 20));
${body}
`;

const run = (body: string) =>
  runProgram([process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program(body)]);

test('while it starts: one line that names the place, and 70', async () => {
  for (const fault of ["Promise.reject(new Error('disk\\nis gone'))", "setTimeout(() => { throw new Error('disk\\nis gone'); })"]) {
    const { code, stderr } = await run(`${fault}; await soon();`);
    assert.equal(code, 70, fault);
    assert.match(stderr, /^fatal: disk is gone \(.+:\d+\)\n$/);
  }
});

test('while it serves a promise that failed unseen is told and DEGRADED, and the agent goes on', async () => {
  const { code, stdout } = await run("serve(); Promise.reject(new Error('EACCES')); await soon(); say(JSON.stringify(faults.health()));");
  assert.equal(code, 0);
  const [told = '', health = ''] = stdout.trim().split('\n');
  assert.equal(told, 'error: a task failed and nobody waited for it: EACCES');
  assert.match(health, /"status":"DEGRADED","message":"A task of the agent failed \(EACCES/);
});

test('while it serves an error out of a timer ends it in good order, with 70', async () => {
  const { code, stdout } = await run("serve(); setTimeout(() => { throw new Error('x'); }); await soon();");
  assert.equal(code, 70);
  assert.equal(stdout, 'fatal: a fault of the agent: it ends\nends in good order\n');
});

test('an error is one line, whatever it is', () => {
  assert.equal(oneLine('a\nb'), 'a');
  assert.match(oneLine(new Error('a\n  b')), /^a b \(faults\.test\.ts:\d+\)$/);
});
