import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { engines } from '../../../../src/processes/engines/index.ts';
import { runProbe } from '../../../../src/processes/probes/run-probe.ts';
import type { ProbeResult } from '../../../../src/processes/probes/types.ts';
import type { EngineName, UnitProbeAction } from '../../../../src/settings/types.ts';
import { serveProxy } from '../../../fixtures/processes/fake-proxy.js';

const dir = mkdtempSync(join(tmpdir(), 'through-'));
const servers: Server[] = [];
let web = 0;
let tls = 0;
let open = 0;
let closed = 0;
let silent = 0;

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

before(async () => {
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      join(dir, 'key.pem'),
      '-out',
      join(dir, 'cert.pem'),
    ],
    { stdio: 'ignore' },
  );
  const answer = createHttp((request, response) => response.writeHead(request.url === '/no' ? 503 : 204).end());
  web = await listen(answer);
  tls = await listen(
    createHttps({ key: readFileSync(join(dir, 'key.pem')), cert: readFileSync(join(dir, 'cert.pem')) }, (_, response) =>
      response.writeHead(204).end(),
    ),
  );
  open = await listen(createServer((socket) => serveProxy(socket, undefined)));
  closed = await listen(createServer((socket) => serveProxy(socket, { name: 'me', password: 'p:w' })));
  silent = await listen(createServer((socket) => void socket.on('error', () => undefined)));
});
after(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true, force: true });
});

const look = (action: UnitProbeAction, subject?: { engine: EngineName; config: string }, timeoutMs = 2000): Promise<ProbeResult> => {
  const configPath = join(dir, `config-${Math.random()}`);
  if (subject !== undefined) writeFileSync(configPath, subject.config);
  return runProbe(action, {
    timeoutMs,
    signal: new AbortController().signal,
    env: {},
    cwd: dir,
    clock: systemClock,
    ...(subject === undefined ? {} : { subject: { engine: engines[subject.engine], configPath, isMarked: () => false } }),
  });
};
const proxy = (url: string, via?: string): UnitProbeAction => ({ kind: 'proxy', url, via, statuses: [{ from: 204, to: 204 }] });

test('through a proxy that is named: HTTP and SOCKS5, with and without a user', async () => {
  const url = `http://127.0.0.1:${web}/yes`;
  for (const via of [
    `http://127.0.0.1:${open}`,
    `socks5://127.0.0.1:${open}`,
    `http://me:p%3Aw@127.0.0.1:${closed}`,
    `socks5://me:p%3Aw@127.0.0.1:${closed}`,
  ]) {
    assert.deepEqual(await look(proxy(url, via)), { ok: true, message: `status 204 through ${via.replace('me:p%3Aw@', '')}` });
  }
  assert.match((await look(proxy(`http://127.0.0.1:${web}/no`, `http://127.0.0.1:${open}`))).message, /^status 503 through/);
});

test('what the proxy does not pass on is not reached by another way', async () => {
  // Says yes to all, and hangs up.
  const liar = await listen(
    createServer((socket) => {
      socket.on('error', () => undefined);
      let step = 0;
      socket.on('data', (chunk) => {
        step++;
        if (chunk[0] === 5 && step === 1) socket.write(Buffer.from([5, 0]));
        else if (chunk[0] === 5) socket.end(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        else socket.end('HTTP/1.1 200 OK\r\n\r\n');
      });
    }),
  );
  for (const via of [`socks5://127.0.0.1:${liar}`, `http://127.0.0.1:${liar}`]) {
    const plain = await look({ ...proxy(`http://127.0.0.1:${web}/`, via), statuses: [{ from: 204, to: 204 }] } as UnitProbeAction);
    assert.equal(plain.ok, false, `${via}: ${plain.message}`);
    const secure = await look(proxy(`https://localhost:${tls}/`, via));
    assert.equal(secure.ok, false);
    assert.doesNotMatch(secure.message, /certificate/, 'the target itself was not spoken to');
  }
});

test('what a proxy refuses is told, and no password with it', async () => {
  const url = `http://127.0.0.1:${web}/`;
  assert.deepEqual(await look(proxy(url, `socks5://me:wrong@127.0.0.1:${closed}`)), { ok: false, message: 'the proxy refuses its user' });
  assert.deepEqual(await look(proxy(url, `socks5://127.0.0.1:${closed}`)), { ok: false, message: 'the proxy asks for a user' });
  assert.match((await look(proxy(url, `http://me:wrong@127.0.0.1:${closed}`))).message, /^status 407 through http:\/\/127/);
  assert.match((await look(proxy(`https://127.0.0.1:${tls}/`, `http://127.0.0.1:${closed}`))).message, /CONNECT with status 407/);
  assert.match((await look(proxy('http://127.0.0.1:1/', `socks5://127.0.0.1:${open}`))).message, /did not connect: connection refused/);
  assert.match((await look(proxy(url, 'http://127.0.0.1:1'))).message, /ECONNREFUSED/);
  for (const scheme of ['http', 'socks5']) {
    assert.equal((await look(proxy(url, `${scheme}://127.0.0.1:${silent}`), undefined, 200)).message, 'no answer within 200 ms');
  }
});

test('to an https target TLS goes through the tunnel, and the certificate is that of the target', async () => {
  for (const scheme of ['http', 'socks5']) {
    const result = await look(proxy(`https://localhost:${tls}/`, `${scheme}://127.0.0.1:${open}`));
    assert.match(result.message, /self-signed certificate/, scheme);
  }
});

test("through the config's own first inbound, with its own user", async () => {
  const url = `http://127.0.0.1:${web}/`;
  const configs: readonly (readonly [EngineName, string])[] = [
    [
      'sing-box',
      JSON.stringify({
        inbounds: [
          { type: 'tun' },
          { type: 'mixed', listen: '127.0.0.1', listen_port: closed, users: [{ username: 'me', password: 'p:w' }] },
        ],
      }),
    ],
    [
      'xray',
      JSON.stringify({
        inbounds: [
          { protocol: 'socks', listen: '127.0.0.1', port: closed, settings: { auth: 'password', accounts: [{ user: 'me', pass: 'p:w' }] } },
        ],
      }),
    ],
    ['mihomo', `mixed-port: ${closed}\nauthentication: ["me:p:w"]`],
    ['hysteria', `server: x:443\nsocks5: {listen: "127.0.0.1:${closed}", username: me, password: "p:w"}`],
  ];
  for (const [engine, config] of configs) assert.equal((await look(proxy(url), { engine, config })).ok, true, engine);
  assert.match((await look(proxy(url), { engine: 'sing-box', config: '{}' })).message, /no http, mixed or socks inbound/);
  assert.match((await look(proxy(url), { engine: 'sing-box', config: '{' })).message, /cannot be read/);
});

test('engine: its API answers, or not, or not to us', async (t) => {
  const api = createHttp((request, response) => response.writeHead(request.headers.authorization === 'Bearer right' ? 200 : 401).end('{}'));
  const port = await listen(api);
  t.after(() => api.close());
  const clash = (secret: string, on = port): { engine: EngineName; config: string } => ({
    engine: 'sing-box',
    config: JSON.stringify({ experimental: { clash_api: { external_controller: `127.0.0.1:${on}`, secret } } }),
  });
  assert.deepEqual(await look({ kind: 'engine' }, clash('right')), { ok: true, message: 'its API answers with status 200' });
  assert.deepEqual(await look({ kind: 'engine' }, clash('wrong')), { ok: false, message: 'its API answers with status 401' });
  assert.match((await look({ kind: 'engine' }, clash('right', 1))).message, /ECONNREFUSED/);
  assert.equal((await look({ kind: 'engine' }, clash('right', silent), 200)).message, 'no answer within 200 ms');
  assert.match((await look({ kind: 'engine' }, { engine: 'xray', config: '{}' })).message, /opens no API/);
  const xray = (on: number): { engine: EngineName; config: string } => ({
    engine: 'xray',
    config: JSON.stringify({ api: { tag: 'api', listen: `127.0.0.1:${on}` } }),
  });
  assert.match((await look({ kind: 'engine' }, xray(1))).message, /ECONNREFUSED/);
});
