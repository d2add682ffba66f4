import { randomBytes } from 'node:crypto';
import { isAbsolute, resolve } from 'node:path';
import { TailLogsRequest } from '../../../gen/ts/sboxagent/v1/log_service.ts';
import type { Process } from '../../../gen/ts/sboxagent/v1/process.ts';
import { GetProcessRequest, StartProcessRequest, StopProcessRequest } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, messages, unary, withAgent } from '../agent.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { printable } from '../escape.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { list, text } from '../flags.ts';
import { write } from '../io.ts';
import { processJson } from '../json-shape.ts';
import { print, printEntry } from '../output.ts';
import { exitWords } from '../process-table.ts';

const longestStartMs = 120_000;
/** How often it is asked whether the command has ended. */
const pollMs = 250;

const over: ReadonlySet<Process['state']> = new Set(['STOPPED', 'EXITED', 'CRASH_LOOP']);

/** `NAME=value` pairs. */
function environment(flags: Flags): Record<string, string> {
  const pairs = list(flags, 'env').map((pair) => {
    const sign = pair.indexOf('=');
    if (sign < 1) throw usage(`${JSON.stringify(pair)} is not NAME=VALUE`);
    return [pair.slice(0, sign), pair.slice(sign + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

function request(context: Context, command: readonly string[], flags: Flags): StartProcessRequest {
  const [program = ''] = command;
  if (!isAbsolute(program))
    throw usage(`${JSON.stringify(program)} is no absolute path`, 'The agent starts exactly the binary that is named.');
  const cwd = text(flags, 'cwd');
  return StartProcessRequest.fromPartial({
    id: text(flags, 'name') ?? `run-${randomBytes(4).toString('hex')}`,
    command: [...command],
    env: environment(flags),
    cwd: cwd === undefined ? '' : resolve(context.io.cwd, cwd),
    wait_for: 'SUBMITTED',
  });
}

/** What the command writes, as it comes, until it has ended and all of it is shown. */
async function showOutput(context: Context, agent: Agent, { id }: Process): Promise<Process> {
  const tail = agent.logs.tailLogs(TailLogsRequest.fromPartial({ filter: { sources: [id] }, lines: 1000 }), agent.metadata);
  const ended = awaitEnd(context, agent, id).finally(() => tail.cancel());
  let pid: number | undefined;
  try {
    for await (const { entries, dropped } of messages(agent, tail)) {
      if (dropped !== undefined) context.io.stderr.write(`sboxagent: ${dropped.count} lines were lost\n`);
      for (const entry of entries) {
        // Another pid is another run.
        pid ??= entry.pid;
        if (entry.pid !== pid) continue;
        const stream = entry.stream === 'STDERR' ? context.io.stderr : context.io.stdout;
        if (context.options.output !== 'table') await printEntry(context, entry, () => '');
        else await write(stream, `${printable(entry.message)}\n`);
      }
    }
  } catch (error) {
    // The tail is cancelled by the end of the command, and only then.
    if (!(error instanceof Failure) || error.reason !== 'CANCELLED') throw error;
  }
  return ended;
}

/** Best effort: what cannot be stopped is still there for `sboxagent stop`. */
async function stopProcess(agent: Agent, id: string): Promise<void> {
  const stop = agent.processes.stopProcess.bind(agent.processes);
  await unary(agent, stop, StopProcessRequest.fromPartial({ id }), { defaultTimeoutMs: longestStartMs }).catch(() => {});
}

async function awaitEnd({ io }: Context, agent: Agent, id: string): Promise<Process> {
  const get = agent.processes.getProcess.bind(agent.processes);
  for (;;) {
    const process = await unary(agent, get, GetProcessRequest.fromPartial({ id }));
    if (process.exit !== undefined || over.has(process.state)) {
      // Whoever runs a command wants one run of it, whatever the policy of restarts says.
      if (!over.has(process.state)) await stopProcess(agent, id);
      // Its last lines are read after its end.
      await io.clock.sleep(2 * pollMs);
      return process;
    }
    await io.clock.sleep(pollMs);
  }
}

/** Starts a command that no unit declares and shows what it writes until it ends; an interrupt ends it too. */
export const run: Handler = (context, command, flags) =>
  withAgent(context, async (agent) => {
    const started = await unary(agent, agent.processes.startProcess.bind(agent.processes), request(context, command, flags), {
      defaultTimeoutMs: longestStartMs,
    });
    if (flags['detach'] === true) {
      await print(context, processJson(started), () => `${started.id}\n`);
      return EXIT.done;
    }
    const ignoreInterrupt = context.io.onInterrupt?.(() => void stopProcess(agent, started.id));
    const ended = await showOutput(context, agent, started).finally(() => ignoreInterrupt?.());
    const { exit } = ended;
    if (exit?.code === 0) return EXIT.done;
    throw new Failure(EXIT.refused, `${started.id} ended with ${exit === undefined ? ended.state : exitWords(exit)}`, {
      reason: ended.reason || 'EXITED',
      remedy: `\`sboxagent explain ${started.id}\` says more.`,
    });
  });
