import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { fileRoute, staticRoutes } from '../../src/api/static/static-routes.ts';
import { adminToken, type Door, openDoor, readToken } from '../helpers/door.ts';

const page = '<!doctype html><title>page</title>';
const script = `export const words = [${'"one of many", '.repeat(500)}];\n`;

async function doorWithFiles(t: TestContext): Promise<{ door: Door; directory: string }> {
  const room = mkdtempSync(join(tmpdir(), 'static-'));
  const directory = join(room, 'page');
  mkdirSync(join(directory, 'parts'), { recursive: true });
  writeFileSync(join(directory, 'index.html'), page);
  writeFileSync(join(directory, 'parts/page.js'), script);
  writeFileSync(join(directory, 'mark.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(directory, 'notes.md'), 'of no type that a page loads');
  writeFileSync(join(room, 'document.json'), '{"secret": true}');
  const plain = [
    ...staticRoutes({ prefix: '/page', directory, scope: undefined }),
    fileRoute({ path: '/document.json', file: join(room, 'document.json'), scope: 'read' }),
  ];
  const door = await openDoor({}, { plain });
  t.after(async () => {
    await door[Symbol.asyncDispose]();
    rmSync(room, { recursive: true, force: true });
  });
  return { door, directory };
}

interface Raw {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** fetch() unpacks what is compressed, and hides that it was. */
function get(door: Door, path: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port: door.port, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    request.once('error', reject);
    request.end();
  });
}

describe('files that are served as they are', () => {
  it('a page stands under its prefix, with its type and a policy that lets nothing leave the host', async (t) => {
    const { door } = await doorWithFiles(t);
    for (const path of ['/page', '/page/', '/page?theme=dark']) {
      const answer = await get(door, path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.body.toString(), page);
      assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
      const policy = answer.headers['content-security-policy'] ?? '';
      assert.match(String(policy), /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/);
      assert.doesNotMatch(String(policy), /unsafe|http:|\*/);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
      assert.match(String(answer.headers['x-trace-id']), /^[0-9a-f]{32}$/);
    }
    assert.equal((await get(door, '/page/mark.svg')).headers['content-type'], 'image/svg+xml');
  });

  it('serves the files of the directory and nothing beside them', async (t) => {
    const { door, directory } = await doorWithFiles(t);
    writeFileSync(join(directory, 'later.js'), 'came after the start');
    const paths = [
      '/page/notes.md',
      '/page/later.js',
      '/page/parts',
      '/page/index.html',
      '/page/../document.json',
      '/page/..%2fdocument.json',
    ];
    for (const path of [...paths, '/page/%2e%2e/%2e%2e/etc/passwd', '/page/parts%2fpage.js', '//etc/passwd']) {
      const answer = await get(door, path);
      assert.equal(answer.status, 404, path);
      assert.match(answer.body.toString(), /ROUTE_NOT_FOUND/, path);
    }
    const posted = await get(door, '/page', {}, 'POST');
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.allow, 'GET, HEAD, OPTIONS');
  });

  it('an unchanged file is answered 304 without a body; a changed one anew', async (t) => {
    const { door, directory } = await doorWithFiles(t);
    const first = await get(door, '/page/parts/page.js');
    const etag = String(first.headers.etag);
    assert.match(etag, /^W\/"[\w-]{22}"$/);
    for (const asked of [etag, etag.slice(2), `"other", ${etag}`, '*']) {
      const again = await get(door, '/page/parts/page.js', { 'if-none-match': asked });
      assert.deepEqual([again.status, again.body.length, again.headers['content-length']], [304, 0, undefined], asked);
      assert.equal(again.headers.etag, etag);
    }
    writeFileSync(join(directory, 'parts/page.js'), script.replace('many', 'more'));
    const changed = await get(door, '/page/parts/page.js', { 'if-none-match': etag });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, etag);
  });

  it('is compressed for who takes it, and HEAD says the same without the body', async (t) => {
    const { door } = await doorWithFiles(t);
    const table: readonly (readonly [accept: string | undefined, encoding: string | undefined])[] = [
      [undefined, undefined],
      ['identity', undefined],
      ['gzip', 'gzip'],
      ['br, *;q=0.1', 'gzip'],
      ['gzip;q=0', undefined],
      ['gzip;q=0, *', undefined],
    ];
    for (const [accept, encoding] of table) {
      const headers = accept === undefined ? {} : { 'accept-encoding': accept };
      const answer = await get(door, '/page/parts/page.js', headers);
      assert.equal(answer.headers['content-encoding'], encoding, accept);
      assert.equal((encoding === undefined ? answer.body : gunzipSync(answer.body)).toString(), script);
      assert.match(String(answer.headers.vary), /accept-encoding/);
      const head = await get(door, '/page/parts/page.js', headers, 'HEAD');
      assert.deepEqual([head.status, head.body.length], [200, 0]);
      assert.equal(head.headers['content-length'], answer.headers['content-length']);
    }
    assert.equal(
      (await get(door, '/page', { 'accept-encoding': 'gzip' })).headers['content-encoding'],
      undefined,
      'too small to gain by it',
    );
  });

  it('a document wants its scope, also for a 304, and is kept by no shared cache', async (t) => {
    const { door } = await doorWithFiles(t);
    const refused = await get(door, '/document.json', { 'if-none-match': '*' });
    assert.equal(refused.status, 401);
    assert.doesNotMatch(refused.body.toString(), /secret/);
    const answer = await get(door, '/document.json', { authorization: `Bearer ${readToken}` });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['cache-control'], 'private, no-cache');
    assert.equal((await get(door, '/document.json', { authorization: `Bearer ${adminToken}` })).status, 200);
  });

  it('is the same over HTTP/2', async (t) => {
    const { door } = await doorWithFiles(t);
    const session = connect(door.base);
    t.after(() => session.destroy());
    const ask = (headers: object): Promise<{ status: unknown; length: number; type: unknown; etag: string }> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/page', ...headers });
        let length = 0;
        let head: Record<string, unknown> = {};
        stream.on('response', (response) => {
          head = response as Record<string, unknown>;
        });
        stream.on('data', (chunk: Buffer) => {
          length += chunk.length;
        });
        stream.on('end', () => resolve({ status: head[':status'], length, type: head['content-type'], etag: String(head['etag']) }));
        stream.on('error', reject);
        stream.end();
      });
    const first = await ask({});
    assert.deepEqual([first.status, first.length, first.type], [200, page.length, 'text/html; charset=utf-8']);
    assert.deepEqual(await ask({ 'if-none-match': first.etag }), { status: 304, length: 0, type: undefined, etag: first.etag });
  });
});
