/** One story a trace, through the whole daemon: call, event, restart, alert and webhook, by every protocol and the command line. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { TraceEntry_Kind } from '../../gen/es/sboxagent/v1/trace_pb.js';
import { TraceService } from '../../gen/es/sboxagent/v1/trace_service_pb.js';
import { type Receiver, receiver } from '../helpers/alert-room.ts';
import { cli } from '../helpers/cli-io.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

let daemon: Daemon;
let ops: Receiver;

before(async () => {
  ops = await receiver();
  const rule = {
    name: 'fetch-errors',
    event: { types: ['plugin.error'] },
    count: 1,
    window: '1h',
    severity: 'ERROR',
    summary: 'Fetching fails',
  };
  daemon = await makeDaemon({
    config: {
      processes: { units: { edge: { command: ['/bin/sleep', '1000'], autostart: true, restart: { base: '0s' } } } },
      alerts: { rules: [rule], webhooks: [{ name: 'ops', url: ops.url }] },
    },
  });
  await daemon.start();
});
after(async () => {
  await daemon?.dispose();
  await ops?.[Symbol.asyncDispose]();
});

interface Entry {
  readonly kind: string;
  readonly id: string;
  readonly parent_id: string;
  readonly name: string;
  readonly status: string;
  readonly time: string;
}
interface Answer {
  readonly entries: readonly Entry[];
  readonly traces: readonly { readonly trace_id: string; readonly root: string; readonly start_time: string; readonly error: boolean }[];
  readonly next_page_token: string;
  readonly error: boolean;
  readonly root: string;
}
async function rest(path: string): Promise<Answer> {
  const { status, json } = await daemon.rest('GET', `/api/v1/traces${path}`);
  assert.equal(status, 200, JSON.stringify(json));
  return json as Answer;
}
const headers = () => ({ headers: { authorization: `Bearer ${daemon.token()}` } });
const local = (...argv: string[]) => cli([...argv, '--state-dir', daemon.stateDir]);

/** As sboxmgr logs it; 8 digits stand for 32. */
const short = '5eed0042';
const traceId = short.padStart(32, '0');

test('a trace id of sboxmgr: from the call over the restart and the event to the alert and its webhook', async () => {
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  assert.equal((await daemon.rest('POST', '/api/v1/processes/edge:restart', {}, { traceparent })).status, 200);
  const event = { type: 'plugin.error', source: 'url_base64', trace_id: traceId };
  assert.equal((await daemon.rest('POST', '/api/v1/events', event, { traceparent })).status, 201);
  const { entries, error, root } = await until('the whole story', async () => {
    const story = await rest(`/${short}`);
    return story.entries.some(({ name }) => name === 'webhook.deliver') && story;
  });
  const names = (kind: string): string[] => entries.filter((entry) => entry.kind === kind).map(({ name }) => name);
  assert.deepEqual(names('SPAN').sort(), [
    'process.start',
    'sboxagent.v1.EventService/CreateEvent',
    'sboxagent.v1.ProcessService/RestartProcess',
    'webhook.deliver',
  ]);
  assert.deepEqual(names('EVENT'), [
    'process.stopped',
    'process.starting',
    'process.started',
    'process.ready',
    'plugin.error',
    'alert.firing',
  ]);
  assert.deepEqual([error, root], [false, 'sboxagent.v1.ProcessService/RestartProcess']);
  assert.deepEqual(
    entries.map(({ time }) => Date.parse(time)),
    entries.map(({ time }) => Date.parse(time)).toSorted((a, b) => a - b),
  );
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const call = byName.get('sboxagent.v1.ProcessService/RestartProcess');
  assert.equal(call?.parent_id, 'b7ad6b7169203331', "the caller's span");
  assert.equal(byName.get('process.start')?.parent_id, call?.id);
  assert.equal(byName.get('plugin.error')?.parent_id, byName.get('sboxagent.v1.EventService/CreateEvent')?.id);
  const [post] = ops.posts;
  assert.equal(post?.headers['traceparent'], `00-${traceId}-${byName.get('webhook.deliver')?.id}-01`, 'the receiver can go on with it');
});

test('every protocol, each way of writing the id, and what is not there', async () => {
  const uuid = `${traceId.slice(0, 8)}-${traceId.slice(8, 12)}-${traceId.slice(12, 16)}-${traceId.slice(16, 20)}-${traceId.slice(20)}`;
  const transports = [
    createGrpcTransport({ baseUrl: daemon.base }),
    createConnectTransport({ baseUrl: daemon.base, httpVersion: '2' }),
    createGrpcWebTransport({ baseUrl: daemon.base, httpVersion: '1.1' }),
  ];
  for (const transport of transports) {
    const client = createClient(TraceService, transport);
    for (const id of [traceId, uuid, short, traceId.toUpperCase()]) {
      const story = await client.getTrace({ traceId: id }, headers());
      assert.equal(story.traceId, traceId);
      assert.ok(story.entries.some(({ kind }) => kind === TraceEntry_Kind.SPAN));
    }
    const missing = client.getTrace({ traceId: 'f'.repeat(32) }, headers());
    await assert.rejects(missing, (error) => error instanceof ConnectError && error.code === Code.NotFound && /f{32}/.test(error.message));
    const found = await client.listTraces({ filter: { methods: ['RestartProcess'] } }, headers());
    assert.deepEqual(
      found.traces.map((trace) => trace.traceId),
      [traceId],
    );
  }
  for (const wrong of ['nonsense', 'f'.repeat(31), '0'.repeat(33)])
    assert.equal((await daemon.rest('GET', `/api/v1/traces/${wrong}`)).status, 400);
});

test('a call finds its own trace at once, with its failure', async () => {
  const refused = await daemon.rest('DELETE', '/api/v1/processes/none');
  const id = refused.headers.get('x-trace-id') ?? '';
  const { entries, error } = await rest(`/${id}`);
  assert.deepEqual([error, entries.length, entries[0]?.status], [true, 1, 'NOT_FOUND']);
  const { traces } = await rest('?filter.errors_only=true&filter.methods=StopProcess');
  assert.deepEqual(
    traces.map((trace) => [trace.trace_id, trace.error]),
    [[id, true]],
  );
});

test('an end that nobody asked for is a story too', async () => {
  const { pid } = (await daemon.rest('GET', '/api/v1/processes/edge')).json as { pid: number };
  process.kill(pid, 'SIGKILL');
  const story = await until('the story of the restart', async () => {
    const { events } = (await daemon.rest('GET', '/api/v1/events?filter.types=process.exited&page_size=1')).json as {
      events: { trace_id: string }[];
    };
    const id = events[0]?.trace_id ?? '';
    if (id === '') return false;
    const found = await rest(`/${id}`);
    return found.entries.some(({ name }) => name === 'process.ready') && found;
  });
  assert.deepEqual(
    story.entries.filter(({ kind }) => kind === 'EVENT').map(({ name }) => name),
    ['process.exited', 'process.restarting', 'process.starting', 'process.started', 'process.ready'],
  );
});

test('lists: scopes, pages, and what is wrong with a question, as in the other lists', async () => {
  for (let n = 0; n < 12; n++) await daemon.rest('POST', '/api/v1/config:validate', { agent: { log_level: 'info' } });
  const seen: string[] = [];
  let token = '';
  do {
    const page = await rest(`?page_size=5&filter.methods=ValidateConfig&page_token=${token}`);
    seen.push(...page.traces.map(({ start_time }) => start_time));
    token = page.next_page_token;
  } while (token !== '');
  assert.ok(seen.length >= 12);
  assert.deepEqual(seen, seen.toSorted().reverse(), 'the newest first');
  for (const query of ['page_token=rubbish', 'page_size=-1', 'filter.since=yesterday', 'filter.min_duration=-1s', 'nonsense=1']) {
    assert.equal((await daemon.rest('GET', `/api/v1/traces?${query}`)).status, 400, query);
  }
  const other = await daemon.rest(
    'GET',
    `/api/v1/traces?page_size=5&page_token=${(await rest('?page_size=1')).next_page_token}&filter.text=x`,
  );
  assert.equal(other.status, 400, 'a token of another filter');
  const { out } = await local('token', 'create', '--scope', 'events:write', '-o', 'json');
  const authorization = `Bearer ${JSON.parse(out).token}`;
  assert.equal((await daemon.rest('GET', '/api/v1/traces', undefined, { authorization })).status, 403);
  assert.equal((await daemon.rest('GET', `/api/v1/traces/${traceId}`, undefined, { authorization: '' })).status, 401);
});

test('polls do not fill the list', async () => {
  for (let n = 0; n < 100; n++) assert.equal((await daemon.rest('GET', '/api/v1/alerts')).status, 200);
  const { length } = (await rest('?filter.methods=ListAlerts&page_size=1000')).traces;
  assert.ok(length >= 60 && length <= 62, String(length));
});

test('the command line: a tree for people, JSON and YAML, and the list', async () => {
  const tree = await local('trace', short);
  assert.equal(tree.code, 0, tree.err);
  const lines = tree.out.split('\n');
  assert.match(lines[0] ?? '', new RegExp(`^Trace ${traceId}: .*RestartProcess.*without an error`));
  assert.match(tree.out, /^ +\+0\.\d{3}s {2}■ ProcessService\/RestartProcess/m);
  assert.match(tree.out, /^ +\+\d+\.\d{3}s {4}■ process\.start process=edge .* OK$/m);
  assert.match(tree.out, /^ +\+\d+\.\d{3}s +◆ alert\.firing/m);
  assert.equal(JSON.parse((await local('trace', traceId, '-o', 'json')).out).trace_id, traceId);
  assert.match((await local('trace', traceId, '-o', 'yaml')).out, new RegExp(`trace_id: "?${traceId}`));
  const list = await local('trace', '--method', 'RestartProcess', '-n', '5');
  assert.match(list.out, new RegExp(`^TRACE .*\\n${traceId}`));
  assert.match((await local('trace', '--errors', '--grep', 'no process')).out, /StopProcess/);
  const missing = await local('trace', '0000dead');
  assert.deepEqual([missing.code, missing.out], [1, '']);
  assert.match(missing.err, /TRACE_NOT_FOUND/);
});

test('traces outlive a kill -9', async () => {
  await rest(`/${traceId}`);
  await daemon.kill('SIGKILL');
  await daemon.start();
  assert.ok((await rest(`/${traceId}`)).entries.some(({ name }) => name === 'webhook.deliver'));
});
