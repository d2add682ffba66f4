/** A real sing-box carries a request, is killed, is replaced; and every kind of client reads the same story in order. */

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-node';
import { EventService } from '../../gen/es/sboxagent/v1/event_service_pb.js';
import { type Daemon, foreign, makeDaemon, program, root, runProgram, until } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

const singBox = foreign('sing-box');
const SUBJECT = 'edge';
const REQUEST = { after_revision: 0, filter: { types: ['process.**'], subjects: [SUBJECT] } };
const WATCH = 'sboxagent.v1.EventService/WatchEvents';

type Story = readonly string[];
interface WireEvent {
  readonly revision: string | number;
  readonly type: string;
}

const line = (event: WireEvent): string => `${event.revision} ${event.type}`;

let daemon: Daemon;
let origin: Server;
let proxyPort = 0;
let truth: Story = [];

/** Concatenated JSON values, as grpcurl and buf curl print them; what is cut off at the end is left. */
function jsonValues(text: string): readonly { events?: readonly WireEvent[] }[] {
  const values: { events?: readonly WireEvent[] }[] = [];
  let depth = 0;
  let begun = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{' && depth++ === 0) begun = i;
    else if (c === '}' && --depth === 0) values.push(JSON.parse(text.slice(begun, i + 1)));
  }
  return values;
}

const eventsIn = (text: string): Story => jsonValues(text).flatMap((value) => (value.events ?? []).map(line));

async function fetchThroughProxy(what: string): Promise<boolean> {
  const address = origin.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const ran = await runProgram([
    'curl',
    '-s',
    '-m',
    '4',
    '--noproxy',
    '',
    '-x',
    `http://127.0.0.1:${proxyPort}`,
    `http://127.0.0.1:${port}/${what}`,
  ]);
  return ran.code === 0 && ran.stdout === `through /${what}`;
}

async function edge(): Promise<{ state: string; pid: number; restart_count: number }> {
  return (await daemon.rest('GET', `/api/v1/processes/${SUBJECT}`)).json as never;
}

before(async () => {
  if (singBox === undefined) return;
  origin = createServer((req, res) => res.end(`through ${req.url}`)).listen(0, '127.0.0.1');
  proxyPort = await freePort();
  daemon = await makeDaemon({
    env: { PATH: `${dirname(singBox)}:${process.env['PATH']}` },
    config: {
      processes: {
        units: {
          edge: {
            engine: 'sing-box',
            config_path: 'sing-box.json',
            autostart: true,
            on_agent_exit: 'stop',
            restart: { policy: 'always', base: '300ms' },
          },
        },
      },
    },
  });
  const inbound = { type: 'mixed', tag: 'in', listen: '127.0.0.1', listen_port: proxyPort };
  writeFileSync(
    join(daemon.dir, 'sing-box.json'),
    JSON.stringify({ log: { level: 'info' }, inbounds: [inbound], outbounds: [{ type: 'direct', tag: 'out' }] }),
  );
  await daemon.start();
});

after(async () => {
  origin?.close();
  await daemon?.dispose();
});

const options = singBox === undefined ? { skip: 'there is no sing-box on this machine' } : {};

test('it carries a request, is killed with -9, is replaced, and carries the next', options, async () => {
  await until('READY', async () => (await edge()).state === 'READY');
  assert.ok(await fetchThroughProxy('one'));
  const { pid } = await edge();
  process.kill(pid, 'SIGKILL');
  await until('another pid', async () => {
    const now = await edge();
    return now.state === 'READY' && now.pid !== pid;
  });
  assert.ok(await fetchThroughProxy('two'));
  assert.equal((await edge()).restart_count, 1);
  const { json } = await daemon.rest('GET', `/api/v1/events?order_by=revision&filter.types=process.**&filter.subjects=${SUBJECT}`);
  const events = (json as { events: readonly WireEvent[] }).events;
  truth = events.map(line);
  assert.deepEqual(
    events.map((e) => e.type),
    ['starting', 'started', 'ready', 'exited', 'restarting', 'starting', 'started', 'ready'].map((word) => `process.${word}`),
  );
});

const header = (): string => `authorization: Bearer ${daemon.token()}`;
const python = (path: string) => async (): Promise<Story> => {
  const script = join(root, 'test/e2e/watch.py');
  const ran = await runProgram([path, script, `127.0.0.1:${daemon.port}`, daemon.token(), SUBJECT, String(truth.length)], {
    env: { PYTHONPATH: join(root, 'gen/python'), PYTHONDONTWRITEBYTECODE: '1' },
  });
  assert.equal(ran.code, 0, ran.stderr);
  return ran.stdout.trim().split('\n');
};
const bufCurl = (protocol: string) => async (): Promise<Story> => {
  const h2 = protocol === 'grpc' ? ['--http2-prior-knowledge'] : [];
  const common = ['--protocol', protocol, ...h2, '-H', header(), '--reflect', '--reflect-header', '*', '-d', JSON.stringify(REQUEST)];
  return eventsIn(
    (await runProgram([join(root, 'node_modules/.bin/buf'), 'curl', ...common, `${daemon.base}/${WATCH}`], { timeoutMs: 4000 })).stdout,
  );
};
const curl = (accept: string) => async (): Promise<Story> => {
  const url = `${daemon.base}/api/v1/events:watch?after_revision=0&filter.types=process.**&filter.subjects=${SUBJECT}`;
  const ran = await runProgram(['curl', '-sN', '-m', '2', '--noproxy', '*', '-H', header(), '-H', `accept: ${accept}`, url]);
  return eventsIn(ran.stdout);
};

async function grpcurl(): Promise<Story> {
  const argv = [
    foreign('grpcurl') ?? '',
    '-plaintext',
    '-max-time',
    '3',
    '-H',
    header(),
    '-d',
    JSON.stringify(REQUEST),
    `127.0.0.1:${daemon.port}`,
    WATCH,
  ];
  return eventsIn((await runProgram(argv)).stdout);
}

async function grpcWeb(): Promise<Story> {
  const client = createClient(EventService, createGrpcWebTransport({ baseUrl: daemon.base, httpVersion: '1.1' }));
  const story: string[] = [];
  const request = { afterRevision: 0n, filter: REQUEST.filter };
  for await (const message of client.watchEvents(request, { headers: { authorization: `Bearer ${daemon.token()}` } })) {
    story.push(...message.events.map((e) => line({ revision: String(e.revision), type: e.type })));
    if (story.length >= truth.length) break;
  }
  return story;
}

async function cli(): Promise<Story> {
  const ran = await runProgram([
    program,
    'events',
    '--type',
    'process.**',
    '--after',
    '0',
    '-o',
    'json',
    '--config',
    daemon.configPath,
    '--state-dir',
    daemon.stateDir,
  ]);
  assert.equal(ran.code, 0, ran.stderr);
  return (JSON.parse(ran.stdout) as (WireEvent & { subject: string })[]).filter((e) => e.subject === SUBJECT).map(line);
}

const venv = foreign('venv/bin/python');
const clients: Readonly<Record<string, (() => Promise<Story>) | string>> = {
  grpcurl: foreign('grpcurl') === undefined ? 'no grpcurl on this machine' : grpcurl,
  'buf curl, gRPC': bufCurl('grpc'),
  'buf curl, gRPC-Web': bufCurl('grpcweb'),
  'buf curl, Connect': bufCurl('connect'),
  "Debian's grpcio": existsSync('/usr/bin/python3') ? python('/usr/bin/python3') : 'no Debian Python',
  'grpcio from PyPI': venv === undefined ? 'no grpcio from PyPI' : python(venv),
  'curl, SSE': curl('text/event-stream'),
  'curl, NDJSON': curl('application/x-ndjson'),
  'a gRPC-Web client': grpcWeb,
  'the CLI over the unix socket': cli,
};

for (const [name, client] of Object.entries(clients)) {
  test(`${name} tells the same story`, typeof client === 'string' ? { skip: client } : options, async () => {
    if (typeof client === 'string') return;
    assert.ok(truth.length > 0, 'the story was told before');
    assert.deepEqual(await client(), truth);
  });
}
