/** A real nats-server with JetStream on a port of its own, with its files in a directory. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreign, until } from './daemon.ts';
import { freePort } from './free-port.ts';

export const natsServer = foreign('nats-server');

export interface NatsServer {
  readonly url: string;
  pid(): number;
  start(): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
  dispose(): Promise<void>;
}

async function listens(port: number): Promise<boolean> {
  const socket = dial(port, '127.0.0.1');
  try {
    await once(socket, 'data');
    return true;
  } finally {
    socket.destroy();
  }
}

/** `configuration` stands beside, and `jetstream` within the block of JetStream. */
export async function makeNatsServer(configuration = '', jetstream = ''): Promise<NatsServer> {
  if (natsServer === undefined) throw new Error('no nats-server here: .ci/install brings it');
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-nats-'));
  const port = await freePort();
  const file = join(dir, 'nats.conf');
  writeFileSync(
    file,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${join(dir, 'store')}", sync_interval: always, ${jetstream} }\n${configuration}`,
  );
  let child: ChildProcess | undefined;
  const server: NatsServer = {
    url: `nats://127.0.0.1:${port}`,
    pid: () => child?.pid ?? 0,
    async start() {
      child = spawn(natsServer as string, ['-c', file], { stdio: 'ignore' });
      await until('the NATS server', () => listens(port), 30_000);
    },
    async kill(signal) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
    async dispose() {
      await server.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return server;
}
