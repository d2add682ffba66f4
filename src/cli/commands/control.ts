import type { Process } from '../../../gen/ts/sboxagent/v1/process.ts';
import {
  ReloadProcessRequest,
  RestartProcessRequest,
  StartProcessRequest,
  StopProcessRequest,
} from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import type { Flags, Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { duration, text } from '../flags.ts';
import { processJson } from '../json-shape.ts';
import { print, styleOf } from '../output.ts';
import { processProgress } from '../process-progress.ts';
import { processTable } from '../process-table.ts';
import { withProgress } from '../progress.ts';

type Action = (agent: Agent, id: string, flags: Flags) => Promise<Process>;

/** A unit may take its whole grace to stop, and then as long again to be ready. */
const longestStop = { defaultTimeoutMs: 120_000 };

function stop(agent: Agent, id: string, flags: Flags): Promise<Process> {
  const graceMs = duration(text(flags, 'grace'), '--grace');
  const grace = graceMs === undefined ? {} : { grace: { seconds: String(Math.floor(graceMs / 1000)), nanos: (graceMs % 1000) * 1e6 } };
  return unary(agent, agent.processes.stopProcess.bind(agent.processes), StopProcessRequest.fromPartial({ id, ...grace }), {
    defaultTimeoutMs: longestStop.defaultTimeoutMs + (graceMs ?? 0),
  });
}

const actions: Readonly<Record<string, Action>> = {
  start: (agent, id) =>
    unary(agent, agent.processes.startProcess.bind(agent.processes), StartProcessRequest.fromPartial({ id }), longestStop),
  stop,
  restart: (agent, id, { force }) =>
    unary(
      agent,
      agent.processes.restartProcess.bind(agent.processes),
      RestartProcessRequest.fromPartial({ id, force: force === true }),
      longestStop,
    ),
  reload: (agent, id, { force }) =>
    unary(
      agent,
      agent.processes.reloadProcess.bind(agent.processes),
      ReloadProcessRequest.fromPartial({ id, force: force === true }),
      longestStop,
    ),
};

const doing: Readonly<Record<string, string>> = { start: 'starting', stop: 'stopping', restart: 'restarting', reload: 'reloading' };

/** The handler of start, stop, restart or reload: it prints the process that comes out of it. */
export function control(name: string): Handler {
  return (context, args, flags) =>
    withAgent(context, async (agent) => {
      const action = actions[name];
      if (action === undefined) throw new TypeError(`no such action: ${name}`);
      const id = args[0] ?? '';
      const process = await withProgress(context, processProgress(agent, doing[name] ?? name, id), action(agent, id, flags));
      const style = await styleOf(context);
      await print(context, processJson(process), () => processTable([process], context.io.clock.wallMs(), style));
      return EXIT.done;
    });
}
