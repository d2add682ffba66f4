import type { Process } from '../../../gen/ts/sboxagent/v1/process.ts';
import { GetProcessRequest, WatchProcessesRequest, type WatchProcessesResponse } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Dial, dial, unary } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure } from '../failure.ts';
import { text } from '../flags.ts';
import { follow } from '../follow.ts';
import { processJson } from '../json-shape.ts';
import { print, styleOf } from '../output.ts';
import { processTable } from '../process-table.ts';
import { progressLine } from '../progress.ts';

type Verdict = 'met' | 'waiting' | 'never';
/** `first` is how it stood when the wait began. */
type Condition = (now: Process, first: Process) => Verdict;

const down: ReadonlySet<Process['state']> = new Set(['STOPPED', 'EXITED', 'CRASH_LOOP']);

/** What can be waited for. What will not come by itself ends the wait at once. */
export const waitConditions: Readonly<Record<string, Condition>> = {
  ready: ({ state }, first) => {
    if (state === 'READY') return 'met';
    // One that was down from the start may be about to be started by somebody else.
    return state === 'CRASH_LOOP' || (state === 'EXITED' && !down.has(first.state)) ? 'never' : 'waiting';
  },
  stopped: ({ state }) => (down.has(state) ? 'met' : 'waiting'),
  exit: ({ state, exit }, first) => (down.has(state) || exit?.time !== first.exit?.time ? 'met' : 'waiting'),
};

function refusal(process: Process, wanted: string): Failure {
  const why = process.message === '' ? '' : `: ${process.message}`;
  return new Failure(EXIT.refused, `${process.id} is ${process.state} and will not be ${wanted} by itself${why}`, {
    reason: process.reason || 'WAIT_FAILED',
    remedy: `\`sboxagent explain ${process.id}\` says why.`,
  });
}

interface Wait {
  readonly wanted: string;
  readonly condition: Condition;
  readonly first: ReadonlyMap<string, Process>;
  readonly now: Map<string, Process>;
}

/** Whether all of them have come to it. Throws Failure where one never will. */
function isOver({ wanted, condition, first, now }: Wait): boolean {
  const verdicts = [...now.values()].map((process) => {
    const verdict = condition(process, first.get(process.id) ?? process);
    if (verdict === 'never') throw refusal(process, wanted);
    return verdict;
  });
  return verdicts.every((verdict) => verdict === 'met');
}

async function watch(context: Context, dialled: Dial, wait: Wait): Promise<void> {
  const line = progressLine(context);
  const show = (): void => line?.show([...wait.now.values()].map(({ id, state }) => `${id}: ${state}`).join(', '));
  const cancel = context.io.clock.every(250, show);
  try {
    await follow<WatchProcessesResponse>(
      context,
      { ...dialled, timeoutMs: undefined },
      {
        open: ({ processes, metadata }) =>
          processes.watchProcesses(WatchProcessesRequest.fromPartial({ ids: [...wait.now.keys()] }), metadata),
        take: async ({ processes, removed_ids }) => {
          for (const process of processes) wait.now.set(process.id, process);
          const [gone] = removed_ids;
          if (gone !== undefined)
            throw new Failure(EXIT.refused, `${gone} is gone from the configuration`, { reason: 'PROCESS_NOT_FOUND' });
          return isOver(wait);
        },
      },
    );
  } finally {
    cancel();
    line?.clear();
  }
}

/** Waits until processes are ready, are down, or have ended once; --timeout bounds it. Goes on over a restart of the agent. */
export const wait: Handler = async (context, ids, flags) => {
  const { io } = context;
  const wanted = text(flags, 'for') ?? 'ready';
  const condition = waitConditions[wanted];
  if (condition === undefined) throw new TypeError(`no such condition: ${wanted}`);
  const dialled = await dial(context);
  const agent = dialled.connect();
  const get = agent.processes.getProcess.bind(agent.processes);
  const all = await Promise.all(ids.map((id) => unary(agent, get, GetProcessRequest.fromPartial({ id })))).finally(() => agent.close());
  const first = new Map(all.map((process) => [process.id, process]));
  const waiting: Wait = { wanted, condition, first, now: new Map(first) };
  // `exit` of what is down already has been.
  if (!isOver(waiting)) await bounded(context, dialled, waiting);
  const found = [...waiting.now.values()];
  const style = await styleOf(context);
  await print(context, found.map(processJson), () => processTable(found, io.clock.wallMs(), style));
  return EXIT.done;
};

async function bounded(context: Context, dialled: Dial, waiting: Wait): Promise<void> {
  const { timeoutMs } = dialled;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const states = (): string => [...waiting.now.values()].map(({ id, state }) => `${id} is ${state}`).join(', ');
  const cancel =
    timeoutMs === undefined
      ? () => {}
      : context.io.clock.after(timeoutMs, () => {
          const message = `waited for ${waiting.wanted}, and after ${timeoutMs} ms ${states()}`;
          reject(new Failure(EXIT.refused, message, { reason: 'TIMEOUT', remedy: 'Give it more time with --timeout.' }));
        });
  await Promise.race([watch(context, dialled, waiting), late]).finally(cancel);
}
