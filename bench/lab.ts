/** What a bench works with: the daemon, peers in processes of their own, the measure of rounds, and the clearing away. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { type Daemon, makeDaemon } from '../test/helpers/daemon.ts';

export interface Peer {
  readonly pid: number;
  readonly port: number;
  /** Sends the peer a message. */
  send(message: object): void;
  /** Sends a message; answers what the peer says next. */
  ask(message: object): Promise<unknown>;
}

export interface Lab {
  readonly rounds: number;
  readonly roundMs: number;
  /** There is time for what takes minutes. */
  readonly long: boolean;
  /** A started daemon with limits that a load does not meet. */
  daemon(config?: Readonly<Record<string, unknown>>): Promise<Daemon>;
  /** Runs peers/NAME.ts; it ends with this process, whatever ends this one. */
  peer(name: string, input?: Readonly<Record<string, unknown>>): Promise<Peer>;
  /** To be called when the bench is over, last first. */
  defer(undo: () => unknown): void;
}

export interface ClosableLab extends Lab {
  close(): Promise<void>;
}

const api = {
  streams: { max_connections: 2000 },
  limits: { concurrent_unary: 2000, connections: 2000, streams_per_connection: 500, idle_timeout: '10m' },
};

async function runPeer(name: string, input: Readonly<Record<string, unknown>>): Promise<Peer & { stop(): Promise<void> }> {
  const child = fork(join(import.meta.dirname, 'peers', `${name}.ts`), [JSON.stringify(input)], { execArgv: ['--max-semi-space-size=16'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the peer ${name} ended with ${code} before it was ready`)));
  });
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    const late = setTimeout(() => child.kill('SIGKILL'), 3000);
    await exited;
    clearTimeout(late);
  };
  const send = (message: object): void => void (child.connected && child.send(message));
  const ask = (message: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const lost = (): void => reject(new Error(`the peer ${name} ended`));
      child.once('exit', lost);
      child.once('message', (answer) => {
        child.off('exit', lost);
        resolve(answer);
      });
      send(message);
    });
  return { pid: child.pid ?? 0, port, send, ask, stop };
}

export function openLab(scale: Pick<Lab, 'rounds' | 'roundMs' | 'long'>): ClosableLab {
  const undos: (() => unknown)[] = [];
  const lab: ClosableLab = {
    ...scale,
    async daemon(config = {}) {
      const daemon = await makeDaemon({
        config: { ...config, api: { ...api, ...(config['api'] ?? {}) } },
      });
      undos.push(() => daemon.dispose());
      await daemon.start();
      return daemon;
    },
    async peer(name, input = {}) {
      const peer = await runPeer(name, input);
      undos.push(() => peer.stop());
      return peer;
    },
    defer: (undo) => undos.push(undo),
    async close() {
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        try {
          await undo();
        } catch (error) {
          process.stderr.write(`while clearing away: ${error}\n`);
        }
      }
    },
  };
  return lab;
}
