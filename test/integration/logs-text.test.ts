/** Logs as lines for people (`Accept: text/plain`), and all that belongs to a trace, through the daemon. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';

let daemon: Daemon;
before(async () => {
  const command = ['/bin/sh', '-c', "printf 'good\\033[31m morning\\n'; while :; do sleep 0.2; echo tick; done"];
  daemon = await makeDaemon({
    config: { agent: { log_level: 'debug' }, processes: { units: { talker: { command, autostart: true, on_agent_exit: 'stop' } } } },
  });
  await daemon.start();
});
after(() => daemon?.dispose());

async function get(path: string, accept: string) {
  const answer = await fetch(daemon.base + path, { headers: { authorization: `Bearer ${daemon.token()}`, accept } });
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
}

test('a list is lines: time, level, source, what was written; nothing of it moves a terminal', async () => {
  const path = '/api/v1/logs?filter.sources=talker&order_by=time&page_size=2';
  const { type, text } = await until('two lines', async () => {
    const found = await get(path, 'text/plain');
    return found.text.split('\n').length > 3 && found;
  });
  assert.equal(type, 'text/plain; charset=utf-8');
  assert.match(text, /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}talker: good.* morning$/m);
  assert.equal(text.includes('\u001b'), false);
  assert.match(text, /^# there is more: page_token=\S+$/m);
  assert.equal((await get(path, 'application/json')).type, 'application/json');
  assert.equal((await get(path, '*/*')).type, 'application/json');
  assert.equal((await get('/api/v1/logs?page_size=-1', 'text/plain')).status, 400);
});

test('a tail is lines as they come', async () => {
  const controller = new AbortController();
  const answer = await fetch(`${daemon.base}/api/v1/logs:tail?filter.sources=talker&lines=1`, {
    headers: { authorization: `Bearer ${daemon.token()}`, accept: 'text/plain' },
    signal: controller.signal,
  });
  assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.split('tick').length > 3) break;
  }
  controller.abort();
  assert.match(text, /^(\d{4}-\S+Z INFO {2}talker: .*\n)+$/);
});

test('a trace id finds the lines of the agent that belong to it', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await daemon.rest('POST', '/api/v1/events', { type: 'a.b' }, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
  const found = await until('a line of the call', async () => {
    const { text } = await get(`/api/v1/logs?filter.trace_id=${traceId}`, 'text/plain');
    return text.includes(`trace_id=${traceId}`) && text;
  });
  assert.ok(
    found
      .trim()
      .split('\n')
      .every((line) => line.includes(traceId)),
  );
  const { json } = await daemon.rest('GET', `/api/v1/traces/${traceId}`);
  const kinds = (json as { entries: { kind: string }[] }).entries.map(({ kind }) => kind);
  assert.deepEqual([...new Set(kinds)].sort(), ['EVENT', 'LOG', 'SPAN']);
});
