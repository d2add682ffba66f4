import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import {
  createToken,
  ensureAdminToken,
  listTokens,
  type OpenAccess,
  openAccess,
  parseScopes,
  revokeToken,
} from '../../../src/access/index.ts';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import { AgentError, RefusedError } from '../../../src/kernel/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'access-'));
after(() => rmSync(root, { recursive: true, force: true }));
const open = new Set<OpenAccess>();
afterEach(() => {
  for (const access of open) access.stop();
  open.clear();
});

const home = (): string => mkdtempSync(join(root, 's-'));

function opened(stateDir: string, more: Partial<Parameters<typeof openAccess>[0]> = {}): OpenAccess {
  const access = openAccess({ stateDir, authEnabled: true, ...more });
  open.add(access);
  return access;
}

/** A clock whose wall time a test moves; timers are real. */
function bent(): Clock & { ahead(ms: number): void } {
  let offset = 0;
  const ahead = (ms: number): void => {
    offset += ms;
  };
  return { ...systemClock, wallMs: () => systemClock.wallMs() + offset, ahead };
}

function nextEnd(access: OpenAccess): Promise<readonly [string, string]> {
  return new Promise((resolve) => {
    const stop = access.onRevoked((id, reason) => {
      stop();
      resolve([id, reason]);
    });
  });
}

function reasonOf(access: OpenAccess, header: string | undefined): string {
  const verdict = access.authenticate(header);
  return verdict.ok ? `ok ${verdict.principal.id}` : verdict.reason;
}

test('scopes are read from a list, unknown ones named', () => {
  assert.deepEqual(parseScopes('events:write, read,read'), ['read', 'events:write']);
  for (const text of ['', 'read,', 'Read', 'write']) {
    assert.throws(
      () => parseScopes(text),
      (e) => e instanceof AgentError && e.reason === 'INVALID_REQUEST' && e.message.includes('config:write'),
    );
  }
});

test('a token is stored hashed in a file that only its owner reads', () => {
  const stateDir = join(home(), 'state');
  const { record, token } = createToken({ stateDir, name: 'ci', scopes: ['read'], ttlMs: 1000 });
  assert.match(token, /^sbx_[\w-]{43}$/);
  assert.equal(statSync(stateDir).mode & 0o777, 0o700);
  for (const name of readdirSync(stateDir)) {
    assert.equal(statSync(join(stateDir, name)).mode & 0o777, 0o600, name);
    assert.ok(!readFileSync(join(stateDir, name), 'latin1').includes(token), name);
  }
  assert.deepEqual(listTokens(stateDir), [record]);
  assert.equal(record.expireTimeMs, record.createTimeMs + 1000);
});

test('what is asked of a new token is checked', () => {
  const stateDir = home();
  for (const bad of [
    { scopes: [] },
    { scopes: ['read'], ttlMs: 0 },
    { scopes: ['read'], ttlMs: Number.NaN },
    { scopes: ['read'], name: 'a\nb' },
  ] as const) {
    assert.throws(() => createToken({ stateDir, ...bad }), AgentError);
  }
  assert.deepEqual(listTokens(stateDir), []);
});

test('headers are judged', () => {
  const stateDir = home();
  const { token, record } = createToken({ stateDir, scopes: ['read'] });
  const access = opened(stateDir, { authToken: 'static-'.padEnd(40, '0123456789') });
  const cases: readonly (readonly [string | undefined, string])[] = [
    [undefined, 'TOKEN_MISSING'],
    ['', 'TOKEN_MISSING'],
    ['Bearer', 'TOKEN_MISSING'],
    ['Bearer ', 'TOKEN_MISSING'],
    ['Basic eDp5', 'TOKEN_INVALID'],
    [token, 'TOKEN_INVALID'],
    [`Bearer ${token}x`, 'TOKEN_INVALID'],
    [`Bearer ${token} ${token}`, 'TOKEN_INVALID'],
    [`Bearer ${'x'.repeat(100_000)}`, 'TOKEN_INVALID'],
    [`Bearer ${token}`, `ok ${record.id}`],
    [`bearer  ${token} `, `ok ${record.id}`],
    [`Bearer ${'static-'.padEnd(40, '0123456789')}`, 'ok admin'],
  ];
  for (const [header, want] of cases) assert.equal(reasonOf(access, header), want, String(header).slice(0, 60));
});

test('without auth everybody is the anonymous admin', () => {
  const verdict = opened(home(), { authEnabled: false }).authenticate(undefined);
  assert.ok(verdict.ok && verdict.principal.id === 'anonymous' && verdict.principal.scopes.has('admin'));
});

test('minting and revoking are followed, revoking twice changes nothing', async () => {
  const stateDir = home();
  const access = opened(stateDir);
  const { token, record } = createToken({ stateDir, scopes: ['read'] });
  const kept = createToken({ stateDir, scopes: ['read'] });
  while (!access.authenticate(`Bearer ${kept.token}`).ok) await systemClock.sleep(10);
  const ended = nextEnd(access);
  const revoked = revokeToken(stateDir, record.id);
  assert.ok(revoked?.revokeTimeMs);
  const [id, reason] = await ended;
  assert.deepEqual([id, reason], [record.id, 'TOKEN_REVOKED']);
  assert.equal(reasonOf(access, `Bearer ${token}`), 'TOKEN_REVOKED');
  assert.equal(reasonOf(access, `Bearer ${kept.token}`), `ok ${kept.record.id}`);
  assert.deepEqual(revokeToken(stateDir, record.id), revoked);
  assert.equal(revokeToken(stateDir, 'no-such-id'), undefined);
});

test('a token that was just made is known at its first call, one that was revoked at its next; guesses read nothing', () => {
  const stateDir = home();
  let nowMs = 0;
  let reads = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs, every: () => () => {} };
  const access = opened(stateDir, { clock, onProblem: () => (reads += 1) });
  const made = Array.from({ length: 5 }, () => {
    const { token, record } = createToken({ stateDir, scopes: ['read'] });
    assert.ok(access.authenticate(`Bearer ${token}`).ok);
    return { authorization: `Bearer ${token}`, id: record.id };
  });
  const readsBefore = reads;
  for (let n = 0; n < 100; n++) assert.equal(reasonOf(access, `Bearer ${String(n).padStart(43, 'x')}`), 'TOKEN_INVALID');
  assert.equal(reads, readsBefore);
  for (const { authorization, id } of made) {
    revokeToken(stateDir, id);
    nowMs += 10;
    assert.equal(reasonOf(access, authorization), 'TOKEN_REVOKED');
  }
});

test('expiry follows the wall clock and ends what is open', async () => {
  const stateDir = home();
  const clock = bent();
  const { token, record } = createToken({ stateDir, scopes: ['read'], ttlMs: 60_000, clock });
  const access = opened(stateDir, { clock });
  const verdict = access.authenticate(`Bearer ${token}`);
  assert.ok(verdict.ok && verdict.expireTimeMs === record.expireTimeMs);
  const ended = nextEnd(access);
  clock.ahead(60_000);
  assert.equal(reasonOf(access, `Bearer ${token}`), 'TOKEN_EXPIRED');
  assert.deepEqual((await ended).slice(0, 2), [record.id, 'TOKEN_EXPIRED']);
});

test('a token file that is gone ends all; one that is broken changes nothing and is told', async () => {
  const stateDir = home();
  const path = join(stateDir, 'tokens.json');
  const { token, record } = createToken({ stateDir, scopes: ['read'] });
  const problems: (string | undefined)[] = [];
  const access = opened(stateDir, { onProblem: (p) => problems.push(p) });
  writeFileSync(path, '{"version": 2}');
  while (problems.at(-1) === undefined) await systemClock.sleep(10);
  assert.match(problems.at(-1) ?? '', /tokens\.json: not a token file/);
  assert.equal(reasonOf(access, `Bearer ${token}`), `ok ${record.id}`);
  const ended = nextEnd(access);
  rmSync(path);
  assert.deepEqual((await ended).slice(0, 2), [record.id, 'TOKEN_REVOKED']);
  assert.equal(reasonOf(access, `Bearer ${token}`), 'TOKEN_INVALID');
});

test('a new static token ends the streams of the old one', async () => {
  const access = opened(home(), { authToken: 'a'.repeat(40) });
  const ended = nextEnd(access);
  access.reload({ authToken: 'a'.repeat(40) });
  access.reload({ authToken: 'b'.repeat(40) });
  assert.deepEqual((await ended).slice(0, 2), ['admin', 'TOKEN_REVOKED']);
  assert.equal(reasonOf(access, `Bearer ${'a'.repeat(40)}`), 'TOKEN_INVALID');
  assert.equal(reasonOf(access, `Bearer ${'b'.repeat(40)}`), 'ok admin');
});

test('the first start makes one admin token, the next ones none', () => {
  const stateDir = home();
  const path = ensureAdminToken({ stateDir, hasStaticToken: false });
  assert.equal(path, join(stateDir, 'admin.token'));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const token = readFileSync(path, 'utf8').trim();
  assert.equal(ensureAdminToken({ stateDir, hasStaticToken: false }), undefined);
  assert.equal(readFileSync(path, 'utf8').trim(), token);
  assert.equal(reasonOf(opened(stateDir), `Bearer ${token}`), 'ok admin');
  assert.equal(listTokens(stateDir).length, 1);
});

test('no admin token is made beside a static one or a live one', () => {
  const beside = home();
  assert.equal(ensureAdminToken({ stateDir: beside, hasStaticToken: true }), undefined);
  assert.ok(!existsSync(join(beside, 'admin.token')));
  const minted = home();
  createToken({ stateDir: minted, scopes: ['admin'] });
  assert.equal(ensureAdminToken({ stateDir: minted, hasStaticToken: false }), undefined);
  createToken({ stateDir: beside, scopes: ['read'] });
  assert.ok(ensureAdminToken({ stateDir: beside, hasStaticToken: false }));
});

test('what stands in admin.token works: taken up after the record was lost, replaced after it was revoked', () => {
  const stateDir = home();
  const path = join(stateDir, 'admin.token');
  ensureAdminToken({ stateDir, hasStaticToken: false });
  const first = readFileSync(path, 'utf8').trim();
  rmSync(join(stateDir, 'tokens.json'));
  assert.equal(ensureAdminToken({ stateDir, hasStaticToken: false }), undefined);
  assert.equal(reasonOf(opened(stateDir), `Bearer ${first}`), 'ok admin');
  revokeToken(stateDir, 'admin');
  assert.equal(ensureAdminToken({ stateDir, hasStaticToken: false }), path);
  const second = readFileSync(path, 'utf8').trim();
  const access = opened(stateDir);
  assert.equal(reasonOf(access, `Bearer ${first}`), 'TOKEN_REVOKED');
  assert.match(reasonOf(access, `Bearer ${second}`), /^ok [0-9A-Z]{26}$/);
});

test('token files that others may read, or that hold no token, are refused with the remedy', () => {
  const stateDir = home();
  ensureAdminToken({ stateDir, hasStaticToken: false });
  const path = join(stateDir, 'admin.token');
  chmodSync(path, 0o644);
  assert.throws(
    () => ensureAdminToken({ stateDir, hasStaticToken: false }),
    (e) => e instanceof RefusedError && e.message.includes(`chmod 600 ${path}`),
  );
  chmodSync(path, 0o600);
  writeFileSync(path, 'short\n');
  assert.throws(() => ensureAdminToken({ stateDir, hasStaticToken: false }), RefusedError);
  chmodSync(join(stateDir, 'tokens.json'), 0o640);
  assert.throws(
    () => openAccess({ stateDir, authEnabled: true }),
    (e) => e instanceof RefusedError && e.message.includes('chmod 600'),
  );
});

test('tokens that are about to end are told: within the window, or in the last fifth of a short life; never those that ended or were revoked', () => {
  const stateDir = home();
  const clock = bent();
  const HOUR_MS = 3_600_000;
  const make = (name: string, ttlMs: number | undefined): string =>
    createToken({ stateDir, scopes: ['read'], name, clock, ...(ttlMs !== undefined && { ttlMs }) }).record.id;
  make('endless', undefined);
  const short = make('short', HOUR_MS);
  const long = make('long', 100 * HOUR_MS);
  revokeToken(stateDir, make('gone', HOUR_MS), clock);
  const access = opened(stateDir, { clock });
  const ids = (): string[] => access.expiring(10 * HOUR_MS).map(({ id }) => id);
  assert.deepEqual(ids(), []);
  clock.ahead(0.9 * HOUR_MS);
  assert.deepEqual(ids(), [short]);
  clock.ahead(90 * HOUR_MS);
  assert.deepEqual(ids(), [long]);
});

test('a token cannot be named as the agent is, and an old one of that name speaks under its id', () => {
  const stateDir = home();
  for (const name of ['sboxagent', 'SboxAgent', 'unix', 'anonymous']) {
    assert.throws(() => createToken({ stateDir, name, scopes: ['read'] }), /is a name that the agent uses itself/);
  }
  const { token, record } = createToken({ stateDir, name: 'sboxagents', scopes: ['read'] });
  const path = join(stateDir, 'tokens.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"sboxagents"', '"sboxagent"'));
  const verdict = opened(stateDir).authenticate(`Bearer ${token}`);
  assert.ok(verdict.ok);
  assert.equal(verdict.principal.name, `token-${record.id.slice(-8).toLowerCase()}`);
});

test('a token that replaces another is who that one was, and its successor too', () => {
  const stateDir = home();
  const first = createToken({ stateDir, name: 'p', scopes: ['events:write'] });
  const second = createToken({ stateDir, scopes: ['events:write'], replaces: first.record.id });
  const third = createToken({ stateDir, name: 'q', scopes: ['read'], replaces: second.record.id });
  assert.throws(() => createToken({ stateDir, scopes: ['read'], replaces: 'nobody' }), /there is no token/);
  const access = opened(stateDir);
  const told = [first, second, third].map(({ token }) => {
    const verdict = access.authenticate(`Bearer ${token}`);
    return verdict.ok && [verdict.principal.name, verdict.principal.identity];
  });
  assert.deepEqual(told, [
    ['p', undefined],
    ['p', first.record.id],
    ['q', first.record.id],
  ]);
});

test('a unit has the same token over restarts, while it is declared', async () => {
  const stateDir = home();
  const access = opened(stateDir);
  const token = access.unitToken('geo');
  assert.notEqual(token, access.unitToken('other'));
  assert.equal(reasonOf(access, `Bearer ${token}`), 'TOKEN_INVALID');
  access.setUnits(['geo']);
  assert.equal(reasonOf(access, `Bearer ${token}`), 'ok unit:geo');
  assert.equal(statSync(join(stateDir, 'unit-tokens.key')).mode & 0o777, 0o600);
  assert.equal(opened(stateDir).unitToken('geo'), token);
  const ended = nextEnd(access);
  access.setUnits([]);
  assert.deepEqual((await ended).slice(0, 2), ['unit:geo', 'TOKEN_REVOKED']);
  assert.equal(reasonOf(access, `Bearer ${token}`), 'TOKEN_INVALID');
});

test('what killed writes left of token files is cleared by the next one who writes', () => {
  const stateDir = home();
  const strays = ['.tokens.json.0123456789ab.tmp', '.admin.token.0123456789ab.tmp'];
  for (const name of [...strays, '.mine.0123456789ab.tmp']) writeFileSync(join(stateDir, name), 'secret', { mode: 0o600 });
  ensureAdminToken({ stateDir, hasStaticToken: false });
  assert.deepEqual(
    readdirSync(stateDir).filter((name) => name.endsWith('.tmp')),
    ['.mine.0123456789ab.tmp'],
  );
});
