import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findAgent } from '../../../src/settings/index.ts';

const find = (text: string, env: Readonly<Record<string, string>> = {}, stateDir?: string) =>
  findAgent({
    configPath: '/etc/x.yaml',
    texts: new Map([['/etc/x.yaml', text]]),
    env,
    cwd: '/',
    ...(stateDir === undefined ? {} : { stateDir }),
  });

test('what else is wrong with a configuration does not hide the agent', () => {
  const broken = 'api: {port: many, prot: 1}\nplugins: {units: {a: {}}}\nagent: {state_dir: /srv/agent}\n';
  const socketPath = '/srv/agent/api.sock';
  const expected = ['/etc/x.yaml', socketPath, '/tmp/sboxmgr.sock'];
  assert.deepEqual(find(`${broken}sboxmgr: {socket: {path: /tmp/sboxmgr.sock}}\n`), { stateDir: '/srv/agent', socketPath, expected });
  assert.deepEqual(find(`${broken}api2: 3\n`, { SBOXAGENT_API_UNIX_SOCKET_PATH: '/run/a.sock' }).socketPath, '/run/a.sock');
});

test('one that cannot be read at all does, unless the flag or the environment says where it is', () => {
  assert.throws(() => find('api: {{{'), /x\.yaml:1/);
  assert.throws(() => find('agent: {state_dir: 7}'), /agent\.state_dir/);
  assert.equal(find('api: {{{', {}, '/srv/b').stateDir, '/srv/b');
  assert.equal(find('api: {{{', { SBOXAGENT_AGENT_STATE_DIR: '/srv/c' }).stateDir, '/srv/c');
});
