/** The audit through the whole daemon: every protocol, refusals, tokens, the command line, and a kill -9. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { AuditService } from '../../gen/es/sboxagent/v1/audit_service_pb.js';
import { ProcessService } from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { cli } from '../helpers/cli-io.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

let daemon: Daemon;

before(async () => {
  daemon = await makeDaemon({ config: { processes: { units: { edge: { command: ['/bin/sleep', '1000'] } } } } });
  await daemon.start();
});
after(() => daemon?.dispose());

interface Entry {
  readonly sequence: string;
  readonly principal: string;
  readonly via: string;
  readonly peer: string;
  readonly method: string;
  readonly target: string;
  readonly code: string;
  readonly reason: string;
  readonly trace_id: string;
  readonly changes: readonly string[];
}

async function entries(query = ''): Promise<Entry[]> {
  const { status, json } = await daemon.rest('GET', `/api/v1/audit?order_by=sequence&page_size=1000${query}`);
  assert.equal(status, 200, JSON.stringify(json));
  return (json as { entries: Entry[] }).entries;
}

/** Refusals are written soon after they are answered. */
function untilEntries(query: string, count: number): Promise<Entry[]> {
  return until(`${count} entries of ${query}`, async () => {
    const found = await entries(query);
    return found.length >= count && found;
  });
}

const local = (...argv: string[]) => cli([...argv, '--state-dir', daemon.stateDir]);
const mintToken = async (scope: string): Promise<{ id: string; token: string }> => {
  const { code, out, err } = await local('token', 'create', '--scope', scope, '-o', 'json');
  assert.equal(code, 0, err);
  return JSON.parse(out);
};
const withToken = (token: string) => ({ authorization: `Bearer ${token}` });

test('one entry a call that changes something, whichever way it came, with its trace', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const started = await daemon.rest('POST', '/api/v1/processes', { id: 'edge', request_id: 'r1' }, { traceparent });
  assert.equal(started.status, 201);
  // Asked again it is answered from memory: nothing is changed, nothing is written.
  assert.equal((await daemon.rest('POST', '/api/v1/processes', { id: 'edge', request_id: 'r1' })).status, 201);
  const headers = { headers: withToken(daemon.token()) };
  const transports = [
    createGrpcTransport({ baseUrl: daemon.base }),
    createConnectTransport({ baseUrl: daemon.base, httpVersion: '2' }),
    createGrpcWebTransport({ baseUrl: daemon.base, httpVersion: '1.1' }),
  ];
  for (const transport of transports) await createClient(ProcessService, transport).restartProcess({ id: 'edge' }, headers);
  assert.equal((await local('restart', 'edge')).code, 0);
  assert.equal((await daemon.rest('DELETE', '/api/v1/processes/none')).status, 404);
  assert.equal((await daemon.rest('POST', '/api/v1/processes/edge:reload', { nonsense: 1 })).status, 400);
  const found = await untilEntries('&filter.methods=*Process', 7);
  assert.deepEqual(
    found.map(({ via, method, target, code, principal }) => [via, method.slice(28), target, code, principal]),
    [
      ['rest', 'StartProcess', 'edge', 'OK', 'admin'],
      ['grpc', 'RestartProcess', 'edge', 'OK', 'admin'],
      ['connect', 'RestartProcess', 'edge', 'OK', 'admin'],
      ['grpc_web', 'RestartProcess', 'edge', 'OK', 'admin'],
      ['unix', 'RestartProcess', 'edge', 'OK', 'unix'],
      ['rest', 'StopProcess', 'none', 'NOT_FOUND', 'admin'],
      ['rest', 'ReloadProcess', '', 'INVALID_ARGUMENT', 'admin'],
    ],
  );
  assert.equal(found[0]?.trace_id, '0af7651916cd43dd8448eb211c80319c');
  assert.deepEqual([found[0]?.peer, found[4]?.peer], ['127.0.0.1', 'unix']);
});

test('data and reading leave no entry; a configuration names its keys and no value', async () => {
  const before = (await entries()).length;
  assert.equal((await daemon.rest('POST', '/api/v1/events', { type: 'a.b' })).status, 201);
  assert.equal((await daemon.rest('GET', '/api/v1/processes')).status, 200);
  const { status, json } = await daemon.rest('PUT', '/api/v1/config?update_mask=events.retention.count', {
    events: { retention: { count: 77_777 } },
  });
  assert.equal(status, 200, JSON.stringify(json));
  const fresh = (await entries()).slice(before);
  assert.deepEqual(
    fresh.map(({ method, changes }) => [method, changes]),
    [['sboxagent.v1.ConfigService.UpdateConfig', ['events.retention.count']]],
  );
  assert.equal(JSON.stringify(fresh).includes('77777'), false);
});

test("who may not: 401 and 403 of any call, and the audit itself is the admin's", async () => {
  const reader = await mintToken('read');
  const refused = await daemon.rest('POST', '/api/v1/processes', { id: 'edge' }, withToken(reader.token));
  assert.equal(refused.status, 403);
  assert.equal((await daemon.rest('GET', '/api/v1/events', undefined, withToken('sbx_wrong-wrong-wrong-wrong-wrong-wrong'))).status, 401);
  assert.equal((await daemon.rest('GET', '/metrics', undefined, { authorization: '' })).status, 401);
  assert.equal((await daemon.rest('GET', '/api/v1/audit', undefined, withToken(reader.token))).status, 403);
  const found = await untilEntries('&filter.codes=PERMISSION_DENIED&filter.codes=UNAUTHENTICATED', 4);
  assert.deepEqual(
    found.map(({ principal, method, reason }) => [principal, method, reason]),
    [
      [reader.id, 'sboxagent.v1.ProcessService.StartProcess', 'SCOPE_MISSING'],
      ['anonymous', 'sboxagent.v1.EventService.ListEvents', 'TOKEN_INVALID'],
      ['anonymous', 'GET /metrics', 'TOKEN_MISSING'],
      [reader.id, 'sboxagent.v1.AuditService.ListAuditEntries', 'SCOPE_MISSING'],
    ],
  );
  assert.equal(JSON.stringify(found).includes('wrong-wrong'), false, 'a token that was guessed is not kept');
});

test('tokens: those that the daemon and the command line made and revoked', async () => {
  const { id } = await mintToken('read');
  assert.equal((await local('token', 'revoke', id)).code, 0);
  const found = await entries('&filter.methods=token.*');
  assert.deepEqual([found[0]?.principal, found[0]?.target], ['agent', 'admin']);
  assert.deepEqual(
    found.slice(-2).map(({ via, method, target }) => [via, method, target]),
    [
      ['cli', 'token.create', id],
      ['cli', 'token.revoke', id],
    ],
  );
  assert.match(found.at(-1)?.principal ?? '', /^os:./);
});

test('a static token that was changed in the file by hand, without its value', async () => {
  const before = readFileSync(daemon.configPath, 'utf8');
  const config = JSON.parse(before);
  config.api.security.auth_token = 'hand-written-token-of-forty-characters-1';
  writeFileSync(daemon.configPath, JSON.stringify(config));
  process.kill(daemon.pid(), 'SIGHUP');
  const [entry] = await untilEntries('&filter.methods=token.change', 1);
  assert.deepEqual([entry?.principal, entry?.via, entry?.target, entry?.code], ['agent', 'agent', 'admin', 'OK']);
  assert.equal(JSON.stringify(entry).includes('hand-written'), false);
  writeFileSync(daemon.configPath, before);
  process.kill(daemon.pid(), 'SIGHUP');
  await untilEntries('&filter.methods=token.change&filter.codes=ok', 2);
});

test('pages, and what is wrong with a question, as in the other lists', async () => {
  const client = createClient(AuditService, createGrpcTransport({ baseUrl: daemon.base }));
  const headers = { headers: withToken(daemon.token()) };
  const seen: bigint[] = [];
  let pageToken = '';
  do {
    const page = await client.listAuditEntries({ pageSize: 3, pageToken }, headers);
    seen.push(...page.entries.map(({ sequence }) => sequence));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  assert.deepEqual(
    seen.map(Number),
    Array.from({ length: seen.length }, (_, n) => seen.length - n),
  );
  for (const query of ['page_token=rubbish', 'order_by=time', 'page_size=-1', 'filter.since=yesterday', 'nonsense=1']) {
    assert.equal((await daemon.rest('GET', `/api/v1/audit?${query}`)).status, 400, query);
  }
  const first = (await daemon.rest('GET', '/api/v1/audit?page_size=1')).json as { next_page_token: string };
  const other = await daemon.rest('GET', `/api/v1/audit?page_size=1&order_by=sequence&page_token=${first.next_page_token}`);
  assert.equal(other.status, 400, 'a token of another order');
});

test('the command line lists and verifies; after kill -9 the chain is whole, and what was under way is there', async () => {
  const table = await local('audit', 'list', '--method', 'RestartProcess', '-n', '2');
  assert.equal(table.code, 0, table.err);
  assert.match((await local('audit')).out, /token\.create/);
  assert.match(table.out, /^SEQ +TIME +WHO +FROM +METHOD +TARGET +RESULT/);
  assert.equal(table.out.trim().split('\n').length, 3);
  const whole = await local('audit', 'verify');
  assert.match(whole.out, /The chain is whole: \d+ entries/);
  const [known = ''] = /\d+:[0-9a-f]{64}/.exec(whole.out) ?? [];
  const restarts = Array.from({ length: 20 }, () => daemon.rest('POST', '/api/v1/processes/edge:restart', {}).catch(() => undefined));
  await Promise.race(restarts);
  await daemon.kill('SIGKILL');
  await Promise.all(restarts);
  const down = await local('audit', 'verify', '--known', known);
  assert.equal(down.code, 0, down.out + down.err);
  const made = await mintToken('read');
  await daemon.start();
  assert.equal((await local('audit', 'verify', '--known', known, '-o', 'json')).code, 0);
  assert.equal((await entries(`&filter.targets=${made.id}`)).length, 1, 'a token that was made while the daemon was down');
  const interrupted = await entries('&filter.codes=UNKNOWN');
  const done = await entries('&filter.methods=*RestartProcess&filter.codes=OK');
  assert.ok(done.length + interrupted.length > 4);
  assert.ok(interrupted.every(({ reason, target }) => reason === 'INTERRUPTED' && target === 'edge'));
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(join(daemon.stateDir, 'sboxagent.db'), { timeout: 30_000 });
  db.exec("UPDATE audit_entries SET principal = 'nobody' WHERE sequence = 3");
  db.close();
  const broken = await local('audit', 'verify');
  assert.equal(broken.code, 1);
  assert.match(broken.out, /broken at entry 3/);
});
