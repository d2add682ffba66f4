/** Files that the configuration names: a renewed certificate is served, a replaced token ends the old one, a new key signs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type ClientHttp2Session, connect as connectH2 } from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { callerWith } from '../helpers/callers.ts';
import { type Daemon, makeDaemon, until } from '../helpers/daemon.ts';
import { ask } from '../helpers/raw.ts';

const dir = mkdtempSync(join(tmpdir(), 'sboxagent-files-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string): string => join(dir, name);

/** Replaces a file as one does who knows how. */
function replace(name: string, text: string | Buffer): void {
  writeFileSync(file(`${name}.new`), text, { mode: 0o600 });
  renameSync(file(`${name}.new`), file(name));
}

function makeCertificate(name: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`];
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', `${name}.crt`, '-days', '2', ...names], { cwd: dir, stdio: 'pipe' });
}

describe('api.tls', () => {
  let daemon: Daemon;
  let session: ClientHttp2Session;
  const token = 'the-static-token-of-this-daemon-123';
  before(async () => {
    for (const name of ['first', 'second', 'third', 'ca-one', 'ca-two']) makeCertificate(name);
    replace('served.crt', readFileSync(file('first.crt')));
    replace('served.key', readFileSync(file('first.key')));
    daemon = await makeDaemon({
      ready: async () => (await servedName()) !== '',
      config: {
        api: {
          security: { auth_token: token, rate_limit: { enabled: false } },
          tls: { cert_file: file('served.crt'), key_file: file('served.key') },
        },
      },
    });
    await daemon.start();
    session = connectH2(`https://127.0.0.1:${daemon.port}`, { rejectUnauthorized: false });
    session.on('error', () => {});
  });
  after(async () => {
    session.destroy();
    await daemon.dispose();
  });

  function servedName(): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ host: '127.0.0.1', port: daemon.port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.once('error', reject);
    });
  }
  // biome-ignore lint/suspicious/noExplicitAny: answers of many forms
  function get(path: string, method = 'GET'): Promise<{ readonly status: number; readonly json: any }> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const options = { method, headers, rejectUnauthorized: false, agent: false };
      const req = https.request(`https://127.0.0.1:${daemon.port}/api/v1${path}`, options, async (res) => {
        const text = Buffer.concat(await res.toArray()).toString();
        resolve({ status: res.statusCode ?? 0, json: JSON.parse(text) });
      });
      req.once('error', reject);
      req.end(method === 'GET' ? undefined : '{}');
    });
  }
  const told = async (type: string): Promise<number> => (await get(`/events?filter.types=${type}`)).json.events.length;
  const component = async (): Promise<{ readonly status: string; readonly message: string }> =>
    (await get('/health')).json.components.find(({ name }: { name: string }) => name === 'tls');
  const oldConnection = async (): Promise<number> =>
    (await ask(session, { ':path': '/api/v1/status', authorization: `Bearer ${token}` })).status;

  it('a renewed certificate is served to new connections, and old ones go on', async () => {
    assert.equal(await servedName(), 'first');
    assert.equal(await oldConnection(), 200);
    replace('served.crt', readFileSync(file('second.crt')));
    replace('served.key', readFileSync(file('second.key')));
    await until('the new certificate', async () => (await servedName()) === 'second');
    assert.equal(await oldConnection(), 200);
    assert.equal(await told('config.applied'), 1);
    assert.equal((await component()).status, 'HEALTHY');
  });

  it('a pair that does not fit is refused once and told, and the old one is served on', async () => {
    replace('served.key', readFileSync(file('third.key')));
    await until('the refusal', async () => (await component()).status === 'DEGRADED');
    assert.match((await component()).message, /do not fit/);
    assert.equal(await servedName(), 'second');
    assert.equal((await get('/config/reload', 'POST')).status, 400);
    assert.equal((await get('/config/reload', 'POST')).status, 400);
    assert.equal(await told('config.rejected'), 1);
    replace('served.crt', readFileSync(file('third.crt')));
    await until('the third certificate', async () => (await servedName()) === 'third');
    assert.equal((await component()).status, 'HEALTHY');
    rmSync(file('served.crt'));
    await until('the refusal of none', async () => (await component()).status === 'DEGRADED');
    assert.equal(await servedName(), 'third');
    replace('served.crt', readFileSync(file('third.crt')));
    await until('that all is well', async () => (await component()).status === 'HEALTHY');
  });

  it('SIGHUP and a reload that is asked for read it too, where files are not followed', async () => {
    const text = readFileSync(daemon.configPath, 'utf8');
    writeFileSync(daemon.configPath, text.replace('"name":"e2e"', '"name":"e2e","auto_reload":false'), { mode: 0o600 });
    await until('the end of following', async () => (await get('/config')).json.document.agent.auto_reload === false);
    const ways: readonly (readonly [string, () => unknown])[] = [
      ['first', () => process.kill(daemon.pid(), 'SIGHUP')],
      ['second', () => get('/config/reload', 'POST')],
    ];
    for (const [name, reload] of ways) {
      replace('served.crt', readFileSync(file(`${name}.crt`)));
      replace('served.key', readFileSync(file(`${name}.key`)));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.notEqual(await servedName(), name);
      await reload();
      await until(`the ${name} certificate`, async () => (await servedName()) === name);
    }
  });
});

describe('secrets in files', () => {
  let daemon: Daemon;
  let hook: Server;
  const posts: { readonly body: string; readonly signature: string }[] = [];
  const [one, two] = ['one-static-token-of-forty-letters-abcdef', 'two-static-token-of-forty-letters-ghijkl'];
  before(async () => {
    replace('token', `${one}\n`);
    replace('hook.key', 'key-one');
    hook = createServer(async (req, res) => {
      posts.push({ body: Buffer.concat(await req.toArray()).toString(), signature: String(req.headers['x-sboxagent-signature']) });
      res.end();
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
    daemon = await makeDaemon({
      config: {
        api: { security: { auth_token_file: file('token'), rate_limit: { enabled: false } } },
        alerts: {
          rules: ['one', 'two'].map((name) => ({ name, event: { types: [`hook.${name}`] }, count: 1, window: '1m' })),
          webhooks: [{ name: 'ops', url, secret_file: file('hook.key') }],
        },
      },
    });
    await daemon.start();
  });
  after(async () => {
    await daemon.dispose();
    hook.close();
  });

  const status = async (token: string): Promise<number> => (await callerWith(daemon, token).rest('GET', '/api/v1/status')).status;

  it('a token file that is replaced ends the old token, and its streams', async () => {
    const watch = await fetch(`${daemon.base}/api/v1/events:watch`, { headers: { authorization: `Bearer ${one}` } });
    assert.equal(watch.status, 200);
    const ended = watch.text();
    replace('token', 'short');
    const health = async (): Promise<string> => (await callerWith(daemon, one).rest('GET', '/api/v1/health')).json.status;
    await until('the refusal of a bad token', async () => (await health()) === 'DEGRADED');
    assert.equal(await status(one), 200);
    replace('token', `${two}\n`);
    await until('the new token', async () => (await status(two)) === 200);
    assert.equal(await status(one), 401);
    assert.match(await ended, /TOKEN_REVOKED/);
    const { json } = await callerWith(daemon, two).rest('GET', '/api/v1/health');
    assert.equal(json.status, 'HEALTHY');
  });

  it('a webhook is signed with the key that lies in its file', async () => {
    const admin = callerWith(daemon, two);
    const signedWith = async (rule: string, key: string): Promise<void> => {
      assert.equal((await admin.rest('POST', '/api/v1/events', { type: `hook.${rule}` })).status, 201);
      const post = await until('the post', () => posts.find(({ body }) => body.includes(`"${rule}"`)));
      assert.equal(post.signature, `sha256=${createHmac('sha256', key).update(post.body).digest('hex')}`);
    };
    await signedWith('one', 'key-one');
    const applied = async (): Promise<number> => (await admin.rest('GET', '/api/v1/events?filter.types=config.applied')).json.events.length;
    const before = await applied();
    replace('hook.key', 'key-two');
    await until('the new key', async () => (await applied()) > before);
    await signedWith('two', 'key-two');
  });
});
