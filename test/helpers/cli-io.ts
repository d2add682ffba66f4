import { PassThrough, Readable, Writable } from 'node:stream';
import { runCli } from '../../src/cli/index.ts';
import type { Io } from '../../src/cli/io.ts';
import { systemClock } from '../../src/kernel/clock.ts';

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function gather(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

/** Runs a client command in this process, with nothing of this machine's environment. */
export async function cli(
  argv: readonly string[],
  options: { env?: Record<string, string>; stdin?: string; terminal?: boolean; columns?: number } = {},
): Promise<CliResult> {
  const [out, err] = [gather(), gather()];
  const io: Io = {
    stdin: options.stdin === undefined ? new PassThrough().end() : Readable.from([options.stdin]),
    stdout: out.stream,
    stderr: err.stream,
    terminal: options.terminal ?? false,
    columns: options.columns,
    cwd: '/',
    clock: systemClock,
    env: async () => options.env ?? {},
  };
  const code = await runCli(argv, io);
  return { code, out: out.text(), err: err.text() };
}
