import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cli } from '../helpers/cli-io.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-cli-token-'));
const state = join(dir, 'state');
after(() => rmSync(dir, { recursive: true, force: true }));

const token = (...argv: string[]) => cli(['token', ...argv, '--state-dir', state], { env: { HOME: dir } });

test('create, list, revoke', async () => {
  const { code, out, err } = await token('create', '--scope', 'read,operate', '--ttl', '30d', '--name', 'ops', '-o', 'json');
  assert.equal(code, 0, err);
  const made = JSON.parse(out);
  assert.deepEqual(Object.keys(made), ['id', 'name', 'scopes', 'token', 'create_time', 'expire_time']);
  assert.deepEqual([made.name, made.scopes], ['ops', ['read', 'operate']]);
  assert.ok(made.token.length >= 32);
  assert.equal(Date.parse(made.expire_time) - Date.parse(made.create_time), 30 * 86_400_000);
  assert.equal(statSync(state).mode & 0o777, 0o700);
  assert.equal(readFileSync(join(state, 'tokens.json'), 'utf8').includes(made.token), false);

  const [listed] = JSON.parse((await token('list', '-o', 'json')).out);
  assert.deepEqual(
    [listed.id, listed.state, 'token' in listed, 'hash' in listed, 'revoke_time' in listed],
    [made.id, 'LIVE', false, false, false],
  );
  assert.match((await token('list')).out, new RegExp(`^${made.id} +ops +read,operate +LIVE`, 'm'));

  const revoked = await token('revoke', made.id);
  assert.equal(revoked.code, 0, revoked.err);
  assert.equal(JSON.parse((await token('list', '-o', 'json')).out)[0].state, 'REVOKED');
});

test('without a ttl it never expires; the table shows it once', async () => {
  const { out } = await token('create', '--scope', 'admin');
  assert.match(out, /^Token +\S{32,}$/m);
  assert.match(out, /^Expires +never$/m);
});

test("a directory that is somebody else's gets no token, and stays as it was", async () => {
  const foreign = join(dir, 'photos');
  mkdirSync(foreign);
  for (const name of ['holiday.jpg', 'edge.yaml']) writeFileSync(join(foreign, name), '', { mode: 0o600 });
  const create = (...argv: string[]) =>
    cli(['token', 'create', '--scope', 'read', '--state-dir', foreign, ...argv], { env: { HOME: dir } });
  const { code, err } = await create();
  assert.equal(code, 1);
  assert.match(err, /photos: it is not empty and not of sboxagent \(edge\.yaml, holiday\.jpg\).*--state-dir/);
  assert.deepEqual(readdirSync(foreign).sort(), ['edge.yaml', 'holiday.jpg']);
  rmSync(join(foreign, 'holiday.jpg'));
  assert.equal((await create('--config', join(foreign, 'edge.yaml'))).code, 0, 'its own configuration may lie there');
});

test('an unknown id: 1, and no file is made for it', async () => {
  const elsewhere = join(dir, 'none');
  const { code, out, err } = await cli(['token', 'revoke', 'nobody', '--state-dir', elsewhere], { env: { HOME: dir } });
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /"nobody"/);
  assert.match(err, /token list/);
  assert.equal(existsSync(elsewhere), false);
});

test('one that replaces another takes its scopes and name; a name of the agent is refused', async () => {
  const first = JSON.parse((await token('create', '--scope', 'events:write', '--name', 'geo', '-o', 'json')).out);
  const second = JSON.parse((await token('create', '--replaces', first.id, '-o', 'json')).out);
  assert.deepEqual([second.scopes, second.name], [['events:write'], 'geo']);
  const unknown = await token('create', '--replaces', 'nobody');
  assert.deepEqual([unknown.code, unknown.out], [1, '']);
  assert.match(unknown.err, /"nobody"/);
  const named = await token('create', '--scope', 'read', '--name', 'sboxagent');
  assert.equal(named.code, 2);
  assert.match(named.err, /a name that the agent uses itself/);
});
