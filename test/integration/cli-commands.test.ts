import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { cli } from '../helpers/cli-io.ts';
import { FakeAgent } from '../helpers/fake-agent.ts';

const agent = new FakeAgent();

before(async () => {
  agent.addProcess({
    id: 'edge',
    state: 'RUNNING',
    pid: 41,
    engine: 'sing-box',
    restart_count: 2,
    exit: { code: 0, signal: '', duration: { seconds: '3', nanos: 500_000_000 } },
  });
  agent.addProcess({ id: 'idle', state: 'STOPPED', exit: { signal: 'SIGKILL' } });
  agent.addProcess({ id: 'evil', state: 'EXITED', message: 'red \u001b[31m and \u009b2J\nnext' });
  for (let n = 1; n <= 7; n++) agent.addEvent({ type: n % 2 === 0 ? 'bar.even' : 'foo.odd', data: { n, seconds: '5', nanos: 1 } });
  for (let n = 1; n <= 7; n++) agent.addLine(n % 2 === 0 ? 'edge' : 'agent', `line-${n}`);
  await agent.start();
});
after(() => agent.stop());

const run = (...argv: string[]) => cli([...argv, ...agent.at]);

function assertRefused(
  { code, out, err }: { code: number; out: string; err: string },
  wanted: number,
  ...words: (string | RegExp)[]
): void {
  assert.equal(code, wanted, err);
  assert.equal(out, '');
  assert.match(err, /^sboxagent: .+\n/);
  assert.doesNotMatch(err, /^\s+at /m);
  for (const word of words) assert.ok(typeof word === 'string' ? err.includes(word) : word.test(err), `${word} in ${err}`);
}

describe('status and ps', () => {
  test('status as a table, JSON and YAML', async () => {
    const table = await run('status');
    assert.equal(table.code, 0, table.err);
    assert.match(table.out, /^Name +fake$/m);
    assert.match(table.out, /^Version +1\.2\.3$/m);
    assert.match(table.out, /^Health .*\n +config +DEGRADED: agent\.yaml:7 is not fit\nUp /m);
    const json = JSON.parse((await run('status', '-o', 'json')).out);
    assert.equal(json.uptime, '61.500s');
    assert.deepEqual(json.journal, { first_revision: '1', last_revision: '7', count: 7, bytes: 100 });
    assert.deepEqual(parse((await run('status', '-o', 'yaml')).out), json);
  });

  test('ps reads all pages, and absent optional fields stay absent', async () => {
    const { code, out } = await run('ps', '-o', 'json');
    assert.equal(code, 0);
    const rows = JSON.parse(out);
    assert.deepEqual(
      rows.map((p: { id: string }) => p.id),
      ['edge', 'idle', 'evil'],
    );
    assert.deepEqual([rows[0].exit.code, rows[0].exit.duration], [0, '3.500s']);
    assert.equal('code' in rows[1].exit, false);
    assert.equal('next_start_time' in rows[0], false);
    assert.equal(rows[1].ready, false);
  });

  test('a table has a row a process, and nothing in it drives the terminal', async () => {
    const plain = await run('ps');
    assert.match(plain.out, /^edge +RUNNING +41 /m);
    assert.match(plain.out, /^idle +STOPPED /m);
    assert.match(plain.out, /red \\x1b\[31m and \\x9b2J\n +next/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is what is tested
    assert.doesNotMatch(plain.out, /[\u001b\u009b]/);
    const painted = await cli(['ps', ...agent.at], { terminal: true });
    assert.ok(painted.out.includes('\u001b[32mRUNNING'));
    const noColor = await cli(['ps', ...agent.at], { terminal: true, env: { NO_COLOR: '1' } });
    assert.equal(noColor.out, plain.out);
  });

  test('JSON and YAML keep such text and show none of it raw', async () => {
    for (const [format, read] of [
      ['json', (text: string) => JSON.parse(text)],
      ['yaml', (text: string) => parse(text)],
    ] as const) {
      const { out } = await run('ps', '-o', format);
      assert.equal(read(out)[2].message, 'red \u001b[31m and \u009b2J\nnext');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is what is tested
      assert.doesNotMatch(out, /[\u001b\u009b]/);
    }
  });
});

describe('start, stop, restart, reload', () => {
  test('print the process that comes out of it', async () => {
    const started = await run('start', 'idle');
    assert.equal(started.code, 0, started.err);
    assert.match(started.out, /^idle +RUNNING +42/m);
    assert.equal(JSON.parse((await run('restart', 'edge', '-o', 'json')).out).id, 'edge');
    assert.equal(JSON.parse((await run('reload', 'edge', '-o', 'json')).out).id, 'edge');
  });

  test('restart and reload may be forced', async () => {
    for (const command of ['restart', 'reload']) {
      assert.equal(JSON.parse((await run(command, 'edge', '-o', 'json')).out).message, 'forced: false');
      assert.equal(JSON.parse((await run(command, 'edge', '--force', '-o', 'json')).out).message, 'forced: true');
    }
  });

  test('stop takes a grace', async () => {
    assert.equal(JSON.parse((await run('stop', 'edge', '-o', 'json')).out).message, 'no grace');
    assert.equal(JSON.parse((await run('stop', 'edge', '--grace', '1500ms', '-o', 'json')).out).message, 'grace 1 s 500000000 ns');
    assertRefused(await run('stop', 'edge', '--grace', 'soon'), 2, 'soon', '--grace');
  });

  test('a refusal says what, why and what to do', async () => {
    assertRefused(await run('start', 'edge'), 1, 'edge', '(PROCESS_ALREADY_RUNNING)', 'Stop or restart it instead.');
    assertRefused(await run('start', 'nope'), 1, 'nope', '(PROCESS_NOT_FOUND)', 'sboxagent ps');
  });
});

describe('logs', () => {
  const messages = (out: string): string[] => out.match(/line-\d/g) ?? [];

  test('the last lines, oldest first, over several pages', async () => {
    assert.deepEqual(messages((await run('logs')).out), ['line-1', 'line-2', 'line-3', 'line-4', 'line-5', 'line-6', 'line-7']);
    assert.deepEqual(messages((await run('logs', '-n', '5')).out), ['line-3', 'line-4', 'line-5', 'line-6', 'line-7']);
    const json = JSON.parse((await run('logs', 'edge', '-n', '2', '-o', 'json')).out);
    assert.deepEqual(
      json.map((e: { message: string; source: string }) => [e.source, e.message]),
      [
        ['edge', 'line-4'],
        ['edge', 'line-6'],
      ],
    );
  });

  test('--grep looks further back than the last page', async () => {
    assert.deepEqual(messages((await run('logs', '-n', '2', '--grep', 'line-[123]$')).out), ['line-2', 'line-3']);
    assertRefused(await run('logs', '--grep', '('), 2, '--grep');
  });

  test('an unknown id is refused, one that has not written yet is not', async () => {
    assertRefused(await run('logs', 'nope'), 1, 'nope', '(PROCESS_NOT_FOUND)');
    assertRefused(await run('logs', 'nope', '-f'), 1, 'nope');
    assert.deepEqual(await run('logs', 'idle'), { code: 0, out: '', err: '' });
  });

  test('bad flags', async () => {
    assertRefused(await run('logs', '-n', 'many'), 2, 'many', '-n');
    assertRefused(await run('logs', '--since', 'yesterday'), 2, 'yesterday');
    assertRefused(await run('logs', '--level', 'loud'), 2, 'loud');
  });
});

describe('events', () => {
  const revisions = (out: string): string[] => JSON.parse(out).map((e: { revision: string }) => e.revision);

  test('the last, oldest first', async () => {
    assert.deepEqual(revisions((await run('events', '-o', 'json')).out), ['1', '2', '3', '4', '5', '6', '7']);
    assert.deepEqual(revisions((await run('events', '-n', '2', '-o', 'json')).out), ['6', '7']);
    assert.deepEqual(revisions((await run('events', '--type', 'bar.**', '-o', 'json')).out), ['2', '4', '6']);
    assert.deepEqual(revisions((await run('events', '--type', 'bar.even', 'foo.**', '-n', '3', '-o', 'json')).out), ['5', '6', '7']);
  });

  test('--after gives those after it and ends', async () => {
    assert.deepEqual(revisions((await run('events', '--after', '0', '--type', 'bar.**', '-o', 'json')).out), ['2', '4', '6']);
    assert.deepEqual(revisions((await run('events', '--after', '3', '-n', '2', '-o', 'json')).out), ['4', '5']);
    assert.deepEqual(revisions((await run('events', '--after', '7', '-o', 'json')).out), []);
    assert.deepEqual(revisions((await run('events', '--after', '2', '--type', 'no.such', '-o', 'json')).out), []);
  });

  test('a revision that is gone', async () => {
    agent.firstRevision = 5;
    const answer = await run('events', '--after', '2');
    agent.firstRevision = 1;
    assertRefused(answer, 1, '(REVISION_COMPACTED)', 'the first kept is 5', 'Resume from the first revision kept');
  });

  test('data that looks like a duration stays as it is', async () => {
    const [event] = JSON.parse((await run('events', '-n', '1', '-o', 'json')).out);
    assert.deepEqual(event.data, { n: 7, seconds: '5', nanos: 1 });
    assert.equal(event.time, '2026-01-02T03:04:05.006Z');
    assert.equal('priority' in event, false);
  });

  test('a table tells each type once', async () => {
    const { out } = await run('events', '--after', '4');
    assert.equal(out.match(/bar\.even/g)?.length, 1);
    assert.match(out, /^REVISION +TIME/);
    assert.match(out, /n=7/);
  });
});

describe('call', () => {
  test('takes and gives proto JSON', async () => {
    const request = {
      event: {
        type: 'a.b',
        time: '2026-05-06T07:08:09.123456789+02:00',
        data: { s: { t: [1, null, true, 'x'] } },
        attributes: { k: 'v' },
        traceId: 'ab'.repeat(16),
      },
    };
    const { code, out, err } = await run('call', 'EventService.CreateEvent', JSON.stringify(request));
    assert.equal(code, 0, err);
    const event = JSON.parse(out);
    assert.deepEqual(event.data, request.event.data);
    assert.deepEqual(event.attributes, { k: 'v' });
    assert.equal(event.time, '2026-05-06T05:08:09.123Z');
    assert.equal(event.severity, 'SEVERITY_UNSPECIFIED');
    assert.equal(event.trace_id, 'ab'.repeat(16));
    assert.deepEqual(event.redacted, []);
    assert.equal('priority' in event, false);
  });

  test('durations, maps and nested messages', async () => {
    const status = JSON.parse((await run('call', 'AgentService/GetStatus')).out);
    assert.equal(status.uptime, '61.500s');
    assert.deepEqual(status.processes, {});
    assert.equal(status.journal.count, agent.events.length);
    const stopped = JSON.parse((await run('call', 'sboxagent.v1.ProcessService.StopProcess', '{"id":"edge","grace":"2.5s"}')).out);
    assert.equal(stopped.message, 'grace 2 s 500000000 ns');
    assert.deepEqual([stopped.exit.code, stopped.exit.duration], [0, '3.500s']);
  });

  test('stdin, and bad requests', async () => {
    const from = await cli(['call', 'ProcessService.GetProcess', '-', ...agent.at], { stdin: '{"id": "idle"}' });
    assert.equal(JSON.parse(from.out).state, 'STOPPED');
    assertRefused(await run('call', 'ProcessService.GetProcess', '{"name":"x"}'), 2, '"name"', 'has: id');
    assertRefused(await run('call', 'ProcessService.GetProcess', '{"id":5}'), 2, 'id must be text');
    assertRefused(await run('call', 'ProcessService.GetProcess', '{'), 2, 'not JSON');
    assertRefused(await run('call', 'ProcessService.GetProces', '{}'), 2, 'GetProces', 'ProcessService.GetProcess');
    assertRefused(await run('call', 'EventService.ListEvents', '{"page_size":5000000000}'), 2, 'page_size');
  });

  test('refusals carry their fields and their delay', async () => {
    assertRefused(await run('call', 'EventService.CreateEvent', '{}'), 1, '(INVALID_REQUEST)', 'event.type: is missing');
    assertRefused(await run('call', 'EventService.BatchCreateEvents', '{}'), 1, '(RATE_LIMITED)', '1s500ms');
  });

  test('lists what there is', async () => {
    const { code, out } = await run('call');
    assert.equal(code, 0);
    assert.match(out, /^EventService\.WatchEvents\(WatchEventsRequest\) returns \(stream WatchEventsResponse\)$/m);
  });
});

describe('reaching the agent', () => {
  test('nobody there: 3, and what to do', async () => {
    assertRefused(await cli(['status', '--target', `unix:${agent.dir}/none.sock`]), 3, 'none.sock', 'sboxagent serve');
    assertRefused(
      await cli(['status', '--state-dir', `${agent.dir}/state`], { env: { HOME: agent.dir } }),
      3,
      'sboxagent serve',
      '--target',
    );
    assertRefused(await cli(['status', '--target', '127.0.0.1:1']), 3, 'ECONNREFUSED');
    assertRefused(await cli(['events', '-f', '--target', '127.0.0.1:1']), 3, 'ECONNREFUSED');
    assertRefused(await cli(['call', 'AgentService.GetStatus', '--target', '127.0.0.1:1']), 3, 'ECONNREFUSED');
    assert.equal(existsSync(`${agent.dir}/state`), false);
  });

  test('a deaf port: 3 in time', async () => {
    const held: Socket[] = [];
    const deaf: Server = createServer((socket) => void held.push(socket.on('error', () => {})));
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const address = deaf.address();
    const target = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    for (const argv of [['status'], ['events', '-f'], ['logs', '-f']]) {
      assertRefused(await cli([...argv, '--timeout', '300ms', '--target', target]), 3, 'no answer in time');
    }
    for (const socket of held) socket.destroy();
    deaf.close();
  });

  test('--timeout bounds a stream too, and says so', async () => {
    const { code, out, err } = await run('call', 'EventService.WatchEvents', '{"after_revision":"5"}', '--timeout', '300ms');
    assert.equal(code, 3);
    assert.ok(out.split('\n').filter((line) => line.startsWith('{')).length >= 2, out);
    assert.match(err, /took longer than.*\n.*--timeout/);
  });

  test('TLS against a plain port: 3', async () => {
    assertRefused(await cli(['status', '--timeout', '5s', '--tls', '--target', `127.0.0.1:${agent.port}`]), 3);
  });

  test('the token goes along, from each of its places', async () => {
    const at = ['status', '--target', `http://127.0.0.1:${agent.port}`];
    agent.tokens.length = 0;
    await cli([...at, '--token', 'one']);
    await cli(at, { env: { SBOXAGENT_TOKEN: 'two' } });
    await cli(['status'], { env: { SBOXAGENT_TOKEN: 'three', SBOXAGENT_TARGET: `127.0.0.1:${agent.port}` } });
    await cli(at);
    assert.deepEqual([...new Set(agent.tokens)], ['Bearer one', 'Bearer two', 'Bearer three', '']);
    assertRefused(await cli([...at, '--token', 'bad\ntoken']), 2, 'token');
    assertRefused(await cli([...at, '--token-file', '/does/not/exist']), 2, '/does/not/exist');
  });

  test('bad targets and timeouts', async () => {
    for (const target of ['localhost', 'unix:', 'ftp://x:1', 'host:99999', 'https://h/path', 'a b:1']) {
      assertRefused(await cli(['status', '--target', target]), 2, '--target');
    }
    assertRefused(await run('status', '--timeout', 'x'), 2, '--timeout');
    assertRefused(await cli(['status', ...agent.at], { env: { SBOXAGENT_TIMEOUT: 'x' } }), 2, 'SBOXAGENT_TIMEOUT');
  });
});
