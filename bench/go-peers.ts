/**
 * The peers in Go (bench/peers/go): built once into .ci/bin, anew when their sources changed. Each runs on one processor, as the daemon's
 * event loop does. Where there is no Go, there are none of them.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '..');
const program = join(root, '.ci/bin/bench-peers');
const sources = ['bench/peers/go/*', 'proto/sboxagent/v1/{agent,event}*.proto'];

export interface GoPeer {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

function changedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The program, built where it must be. Undefined, with a line that says so, where there is no Go or no module proxy. */
export function goPeers(): string | undefined {
  const newest = Math.max(...globSync(sources, { cwd: root }).map((path) => changedMs(join(root, path))));
  if (changedMs(program) > newest) return program;
  if (spawnSync('go', ['version']).status !== 0) {
    process.stderr.write('bench: there is no Go on PATH: the peers in Go are left out\n');
    return undefined;
  }
  process.stderr.write('bench: building the peers in Go, some minutes the first time\n');
  const env = { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` };
  try {
    execFileSync(join(root, 'bench/peers/go/build'), [program], { stdio: ['ignore', 'ignore', 'inherit'], env });
    return program;
  } catch {
    process.stderr.write('bench: the peers in Go could not be built: they are left out\n');
    return undefined;
  }
}

async function portOf(child: ChildProcess & { readonly stdout: NodeJS.ReadableStream }): Promise<number> {
  const line = createInterface(child.stdout);
  const [said]: string[] = await Promise.race([once(line, 'line'), once(child, 'exit').then(() => [''])]);
  if (said === '' || said === undefined) throw new Error('a peer in Go ended before it was ready');
  return (JSON.parse(said) as { port: number }).port;
}

/** Starts one; it ends when this process does. */
export async function startGoPeer(path: string, name: string, input: object): Promise<GoPeer> {
  const child = spawn(path, [name, JSON.stringify(input)], {
    env: { ...process.env, GOMAXPROCS: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const port = await portOf(child);
  return {
    pid: child.pid ?? 0,
    port,
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}
