/**
 * The program that `npm start` supervises: a forward proxy on loopback. sing-box where it is on PATH, else the library
 * proxy-chain in this process. Says in one line how to send a request through it.
 */
import { accessSync, constants, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { Server } from 'proxy-chain';

const DEFAULT_PORT = 3128;
const PORT_VARIABLE = 'SBOXAGENT_EXAMPLE_PROXY_PORT';
const HOST = '127.0.0.1';
const USAGE = 2;
const template = join(import.meta.dirname, 'sing-box/sing-box.json');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function onPath(name: string): string | undefined {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter).filter((part) => part !== '')) {
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

/** The port that could be listened on; undefined when it is taken. 0 asks for any. */
function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

function wantedPort(): number | undefined {
  const text = process.env[PORT_VARIABLE] || String(DEFAULT_PORT);
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port <= 65_535 ? port : undefined;
}

async function choosePort(wanted: number): Promise<number> {
  const port = await tryPort(wanted);
  if (port !== undefined) return port;
  const free = await tryPort(0);
  if (free === undefined) throw new Error(`no free port on ${HOST}`);
  say(`port ${wanted} is taken by another program (${PORT_VARIABLE} changes it); using ${free}`);
  return free;
}

const invitation = (port: number): string => `send a request through it: curl -x http://${HOST}:${port} http://example.org/`;

/** Fires once; from then on a second signal ends the program at once, as it would without us. */
function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

async function runEmbedded(port: number): Promise<number> {
  const told = untilTold();
  const server = new Server({ host: HOST, port, verbose: false });
  await server.listen();
  say(`an HTTP proxy runs (embedded: there is no sing-box on PATH); ${invitation(server.port)}`);
  await told;
  await server.close(true);
  return 0;
}

/** The example's own file, or a copy with another port: in the unit's directory, never in the checkout. */
function singBoxConfig(port: number): string {
  if (port === DEFAULT_PORT) return template;
  const inCheckout = !relative(join(import.meta.dirname, '..'), process.cwd()).startsWith('..');
  const dir = inCheckout ? mkdtempSync(join(tmpdir(), 'sboxagent-example-')) : process.cwd();
  const config = join(dir, 'sing-box.json');
  writeFileSync(config, readFileSync(template, 'utf8').replace(String(DEFAULT_PORT), String(port)), { mode: 0o600 });
  return config;
}

/** sing-box takes the place of this program: the pid that is supervised is its own, and nobody stands between it and a signal. */
function becomeSingBox(binary: string, port: number): number {
  const config = singBoxConfig(port);
  say(`sing-box from PATH runs; ${invitation(port)}`);
  process.execve?.(binary, [binary, 'run', '-c', config, '--disable-color'], process.env);
  throw new Error('this Node cannot become another program');
}

export async function runExampleProxy(): Promise<number> {
  const wanted = wantedPort();
  if (wanted === undefined) {
    process.stderr.write(`${PORT_VARIABLE} must be a port, 0 to 65535\n`);
    return USAGE;
  }
  const port = await choosePort(wanted);
  const binary = onPath('sing-box');
  return binary === undefined ? runEmbedded(port) : becomeSingBox(binary, port);
}
