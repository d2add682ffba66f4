import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectH2 } from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { createTlsServer } from '../../src/api/listener/tls.ts';
import { type Door, openDoor } from '../helpers/door.ts';
import { eventually } from '../helpers/event-room.ts';
import { ask, closedAfter, open, say } from '../helpers/raw.ts';

const dir = mkdtempSync(join(tmpdir(), 'door-tls-'));
const file = (name: string): string => join(dir, name);
const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function authority(name: string): void {
  openssl('req', '-x509', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', '2', '-subj', `/CN=${name}`);
}

function certificate(name: string, ca: string, usage: string): void {
  writeFileSync(file(`${name}.ext`), `subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=${usage}\n`);
  openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  const sign = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
  openssl('x509', '-req', '-in', `${name}.csr`, ...sign, '-out', `${name}.crt`);
}

const server = (clientCa?: string) => ({
  tls: { certFile: file('server.crt'), keyFile: file('server.key'), clientCaFile: clientCa === undefined ? undefined : file(clientCa) },
});

interface Identity {
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const identity = (name: string): Identity => ({ cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)) });

function get(door: Door, who: Identity = {}): Promise<string> {
  return new Promise((resolve) => {
    const options = { ca: readFileSync(file('ca.crt')), agent: false, ...who };
    const req = https.get(`https://127.0.0.1:${door.port}/api/v1/health`, options, (res) => {
      res.resume();
      resolve(`${res.statusCode} ${res.httpVersion}`);
    });
    req.once('error', () => resolve('no answer'));
  });
}

async function get2(door: Door, who: Identity = {}): Promise<number> {
  const client = connectH2(`https://127.0.0.1:${door.port}`, { ca: readFileSync(file('ca.crt')), ...who });
  client.on('error', () => {});
  const answer = await ask(client, { ':path': '/api/v1/health' }).catch(() => ({ status: 0 }));
  client.destroy();
  return answer.status;
}

/** Long after every limit: who is still connected by then was not closed by us. */
const patienceMs = 60_000;

describe('front door: TLS', () => {
  before(() => {
    authority('ca');
    authority('stranger');
    certificate('server', 'ca', 'serverAuth');
    certificate('client', 'ca', 'clientAuth');
    certificate('other', 'stranger', 'clientAuth');
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('serves both protocols by ALPN, and nothing in plain', async () => {
    await using door = await openDoor(server());
    assert.match(door.base, /^https:/);
    assert.equal(await get(door), '200 1.1');
    assert.equal(await get2(door), 200);
    assert.doesNotMatch(await say(door.port, 'GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n'), /200 OK/);
    assert.equal(await get(door), '200 1.1');
  });

  it('asks every client for a certificate of its authority where one is set', async () => {
    await using door = await openDoor(server('ca.crt'));
    assert.equal(await get(door, identity('client')), '200 1.1');
    assert.equal(await get2(door, identity('client')), 200);
    assert.equal(await get(door), 'no answer');
    assert.equal(await get(door, identity('other')), 'no answer');
    assert.equal(await get2(door), 0);
  });

  it('closes who begins no handshake, or says nothing after it', async () => {
    await using door = await openDoor({ ...server(), limits: { headerTimeoutMs: 600, idleTimeoutMs: 600 } });
    const silent = await open(door.port);
    assert.ok((await closedAfter(silent, patienceMs)) !== undefined);
    for (const protocols of [['http/1.1'], ['h2'], undefined]) {
      const options = {
        port: door.port,
        host: '127.0.0.1',
        ca: readFileSync(file('ca.crt')),
        ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
      };
      const socket = tls.connect(options);
      socket.on('error', () => {});
      assert.ok((await closedAfter(socket, patienceMs)) !== undefined, String(protocols));
    }
    await eventually(() => door.door.stats().connections === 0);
  });

  it('refuses files that are not there or do not fit', async () => {
    const { certFile, keyFile } = server().tls;
    const base = { certFile, keyFile, clientCaFile: undefined };
    await assert.rejects(
      createTlsServer({ ...base, keyFile: file('nowhere.key') }, 1000),
      /RefusedError: api.tls.key_file: cannot read .*nowhere.key/,
    );
    await assert.rejects(createTlsServer({ ...base, keyFile: file('other.key') }, 1000), /RefusedError: api.tls: .* do not fit/);
  });
});
