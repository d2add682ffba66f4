/**
 * The program that `npm start` supervises: a forward proxy on loopback. sing-box where it is on PATH, else the library
 * proxy-chain in this process. Says in one line how to send a request through it.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Server } from 'proxy-chain';

const DEFAULT_PORT = 3128;
const HOST = '127.0.0.1';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function onPath(name: string): string | undefined {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next one.
    }
  }
  return undefined;
}

function listens(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

async function choosePort(): Promise<number> {
  const wanted = Number(process.env['SBOXAGENT_EXAMPLE_PROXY_PORT'] || DEFAULT_PORT);
  const port = await listens(wanted);
  if (port !== undefined) return port;
  const free = await listens(0);
  if (free === undefined) throw new Error(`no free port on ${HOST}`);
  say(`port ${wanted} is taken; using ${free}`);
  return free;
}

const invitation = (port: number): string =>
  `a proxy is ready; send a request through it: curl -x http://${HOST}:${port} http://example.org/`;

function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

async function runEmbedded(port: number): Promise<number> {
  const server = new Server({ host: HOST, port, verbose: false });
  await server.listen();
  say(`embedded HTTP proxy (there is no sing-box on PATH); ${invitation(server.port)}`);
  await untilTold();
  await server.close(true);
  return 0;
}

async function runSingBox(binary: string, port: number): Promise<number> {
  const template = readFileSync(join(import.meta.dirname, 'sing-box/sing-box.json'), 'utf8');
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-example-'));
  const config = join(dir, 'config.json');
  writeFileSync(config, template.replace(String(DEFAULT_PORT), String(port)), { mode: 0o600 });
  const child = spawn(binary, ['run', '-c', config, '--disable-color'], { stdio: 'inherit' });
  say(`sing-box from PATH; ${invitation(port)}`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (status) => resolve(status ?? 1));
  });
  rmSync(dir, { recursive: true, force: true });
  return code;
}

export async function runExampleProxy(): Promise<number> {
  const port = await choosePort();
  const binary = onPath('sing-box');
  return binary === undefined ? runEmbedded(port) : runSingBox(binary, port);
}
