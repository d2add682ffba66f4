import type { ProcessExplanation } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { ExplainProcessRequest, GetProcessConfigRequest } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import { diffText } from '../apply-text.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { printable, printableLines } from '../escape.ts';
import { EXIT } from '../failure.ts';
import { durationMs, exitJson, processJson } from '../json-shape.ts';
import { print, styleOf } from '../output.ts';
import { age, exitWords } from '../process-table.ts';
import type { Style } from '../table.ts';
import { wrapText } from '../text-width.ts';

function section(title: string, body: string): string {
  return body === '' ? '' : `\n${title}\n${body.replace(/\n$/, '')}\n`;
}

function exitLines({ exits }: ProcessExplanation): string {
  const line = (exit: ProcessExplanation['exits'][number]): string => {
    const after = exit.duration === undefined ? '' : ` after ${age(durationMs(exit.duration))}`;
    return `  ${exit.time ?? ''}  ${exitWords(exit)}${after}${exit.oom_killed ? ' (out of memory)' : ''}`;
  };
  return exits.map((exit) => printable(line(exit))).join('\n');
}

function indented(lines: readonly string[], { width }: Style): string {
  const shown = lines.flatMap((line) => printableLines(line).flatMap((one) => wrapText(one, width - 2)));
  return shown.map((one) => `  ${one}`).join('\n');
}

function explanationText(explanation: ProcessExplanation, style: Style): string {
  const { summary, next_action, next_action_time, log_lines, config_diff, remedies } = explanation;
  const next = next_action === '' ? [] : [`${next_action}${next_action_time === undefined ? '' : ` at ${next_action_time}`}`];
  return [
    `${wrapText(printable(summary), style.width).join('\n')}\n`,
    section('last exits', exitLines(explanation)),
    section('last lines', indented(log_lines, style)),
    section('config since the last one that proved itself', diffText(config_diff, style)),
    section('what happens next', indented(next, style)),
    section('what to do', indented(remedies, style)),
  ].join('');
}

/** The config in effect, secrets masked. */
async function showConfig(context: Context, agent: Agent, id: string): Promise<number> {
  const request = GetProcessConfigRequest.fromPartial({ id });
  const config = await unary(agent, agent.processes.getProcessConfig.bind(agent.processes), request);
  await print(context, config, () => `${printableLines(config.content.replace(/\n$/, '')).join('\n')}\n`);
  return EXIT.done;
}

/** Why a process stands where it stands, and what to do; with --show-config its config. */
export const explain: Handler = (context, [id = ''], flags) =>
  withAgent(context, async (agent) => {
    if (flags['showConfig'] === true) return showConfig(context, agent, id);
    const request = ExplainProcessRequest.fromPartial({ id });
    const explanation = await unary(agent, agent.processes.explainProcess.bind(agent.processes), request);
    const data = {
      ...explanation,
      process: explanation.process === undefined ? undefined : processJson(explanation.process),
      exits: explanation.exits.map(exitJson),
    };
    const style = await styleOf(context);
    await print(context, data, () => explanationText(explanation, style));
    return EXIT.done;
  });
