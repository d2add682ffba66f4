/**
 * The Python package, from its wheel, against the daemon: every RPC, the emitter and the streams over kills, health, metrics, configuration,
 * and the entry point in sboxmgr (a stand-in; the real one where SBOXMGR_CLI names it). `clients/python/test` is the runner; PyPI's newest
 * grpcio comes from `.ci/install`'s environment, so that nothing is fetched here.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { foreign, root, runProgram } from '../helpers/daemon.ts';

const runner = join(root, 'clients/python/test');
const timeoutMs = 420_000;
const system = '/usr/bin/python3';

/** Whether a Python can import these modules. */
async function has(python: string | undefined, ...modules: readonly string[]): Promise<boolean> {
  if (python === undefined || !existsSync(python)) return false;
  return (await runProgram([python, '-c', `import ${modules.join(', ')}`])).code === 0;
}

const builds = await has(system, 'setuptools', 'wheel');
const venv = foreign('venv/bin/python');
const debian = builds && (await has(system, 'grpc', 'google.protobuf'));
const pypi = builds && (await has(venv, 'grpc', 'google.protobuf'));

async function passes(...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runProgram([runner, ...args], { timeoutMs });
  assert.equal(code, 0, `${stdout.slice(-2000)}\n${stderr.slice(-8000)}`);
  assert.match(stderr, /^Ran \d\d+ tests? in/m);
}

test("the Python client on Debian's grpcio", { skip: !debian && 'no python3-grpcio here', timeout: timeoutMs }, () =>
  passes('-e', 'debian'),
);

test('the Python package installs from a fresh checkout', { skip: !debian && 'no python3-grpcio here', timeout: timeoutMs }, async (t) => {
  const temp = mkdtempSync(join(tmpdir(), 'sboxagent-pip-'));
  t.after(() => rmSync(temp, { recursive: true, force: true }));
  // What is tracked, as it lies here now: nothing that an earlier build left.
  const steps = [
    `cd '${root}' && git ls-files -z clients/python | tar --null -T - -c | tar -x -C '${temp}'`,
    `${system} -m venv --system-site-packages '${temp}/venv'`,
    `'${temp}/venv/bin/pip' install -q --no-index --no-build-isolation '${temp}/clients/python'`,
    `cd / && '${temp}/venv/bin/python' -c 'import sboxagent_client as s; print(s.AgentClient, s.__file__)'`,
  ];
  const { code, stdout, stderr } = await runProgram(['bash', '-ec', steps.join('\n')], { timeoutMs });
  assert.equal(code, 0, stderr.slice(-4000));
  assert.match(stdout, /AgentClient.*site-packages/);
});

test('the Python client on grpcio from PyPI', { skip: !pypi && 'no grpcio from PyPI', timeout: timeoutMs }, () =>
  passes('-e', 'given', '-p', venv ?? ''),
);
