import type { Readable, Writable } from 'node:stream';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { endWithOutput } from '../kernel/output.ts';

/** What a command reads and writes: the terminal, or what a test puts in its place. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether stdout is a terminal: colours go there alone. */
  readonly terminal: boolean;
  /** Whether stderr is a terminal: progress goes there alone. */
  readonly progress?: boolean;
  /** Its columns, where it has them. */
  readonly columns?: number | undefined;
  /** Its lines, where it has them. */
  readonly rows?: number | undefined;
  readonly cwd: string;
  readonly clock: Clock;
  /** Calls this once when the user interrupts the program, which goes on then; answers what takes it back. */
  onInterrupt?(interrupted: () => void): () => void;
  /** Read late: only commands that talk to the agent need it. */
  env(): Promise<Readonly<Record<string, string | undefined>>>;
}

/** The terminal, or what stands in its place; `flushed` resolves when what was written has left. */
export function standardIo(): Io & { flushed(): Promise<void> } {
  const written = new Set<Writable>();
  // Made when they are asked for: each costs a millisecond, and most commands use one.
  const output = (name: 'stdout' | 'stderr'): Writable => {
    const stream = process[name];
    if (!written.has(stream)) endWithOutput([name]);
    written.add(stream);
    return stream;
  };
  return {
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return output('stdout');
    },
    get stderr() {
      return output('stderr');
    },
    async flushed() {
      const waiting = [...written].filter((stream) => stream.writableLength > 0);
      await Promise.all(waiting.map((stream) => new Promise<void>((resolve) => void stream.write('', () => resolve()))));
    },
    get terminal() {
      return process.stdout.isTTY === true;
    },
    get progress() {
      return process.stderr.isTTY === true;
    },
    // Asked each time: a window changes its size.
    get columns() {
      return process.stdout.isTTY === true ? process.stdout.columns || undefined : undefined;
    },
    get rows() {
      return process.stdout.isTTY === true ? process.stdout.rows || undefined : undefined;
    },
    onInterrupt(interrupted) {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
      return () => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
      };
    },
    cwd: process.cwd(),
    clock: systemClock,
    // Not by the room's index, which loads the YAML parser too: a command with --target has no use for it.
    env: async () => (await import('../settings/process-env.ts')).processEnv(),
  };
}

/** Writes, and waits where the reader is slower: a follower must not gather in memory what a pipe does not take. */
export async function write(stream: Writable, text: string): Promise<void> {
  if (text === '' || stream.write(text)) return;
  await new Promise<void>((resolve) => {
    stream.once('drain', resolve);
    stream.once('close', resolve);
  });
}
