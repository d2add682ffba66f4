/** deploy/container/Dockerfile, its instructions taken from the file, on a root of this machine: built without network, healthy, ended by SIGTERM. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, runProgram, until } from '../helpers/daemon.ts';
import { whyNoMachine } from '../helpers/machine.ts';

const recipe = readFileSync(join(root, 'deploy/container/Dockerfile'), 'utf8').replaceAll('\\\n', '');
const instruction = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(recipe)?.[1] ?? '';
const list = (text: string): readonly string[] => JSON.parse(text.slice(text.indexOf('[')));
const deb = process.env['TEST_DEB_PACKAGE'];
const skip = deb === undefined ? 'TEST_DEB_PACKAGE names no package: deploy/deb/build DIRECTORY makes one' : whyNoMachine();

test('the image: built, healthy by its own check, ended by its stop signal', { skip, timeout: 300_000 }, async (t) => {
  const run = join(root, 'test/fixtures/container/run');
  const container = spawn(run, [deb ?? '', instruction('RUN'), instruction('USER'), ...list(instruction('ENTRYPOINT'))], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  container.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  const exited = new Promise<number | null>((resolve) => container.once('exit', resolve));
  t.after(() => void container.kill('SIGKILL'));
  const pid = container.pid ?? 0;
  const init = await until('process 1', () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() || undefined);
  const check = [
    'nsenter',
    '-a',
    '-r',
    '-w',
    '-t',
    init,
    'setpriv',
    '--reuid',
    instruction('USER'),
    '--regid',
    instruction('USER'),
    '--clear-groups',
  ];
  const env = {
    PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
    ...Object.fromEntries(
      instruction('ENV')
        .split(' ')
        .map((pair) => pair.split('=')),
    ),
  };
  const healthy = await until(
    'its health check',
    async () => {
      if (container.exitCode !== null) return `it ended with ${container.exitCode}: ${said}`;
      const ran = await runProgram([...check, ...list(instruction('HEALTHCHECK'))], { env });
      return ran.code === 0 ? ran.stdout : undefined;
    },
    200_000,
  );
  assert.match(healthy, /\bHEALTHY/); // or how it ended
  process.kill(Number(init), instruction('STOPSIGNAL') as NodeJS.Signals);
  assert.equal(await exited, 0, said);
});
