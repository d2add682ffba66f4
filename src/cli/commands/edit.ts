import { createInterface } from 'node:readline/promises';
import type { Apply, ProcessConfig } from '../../../gen/ts/sboxagent/v1/process_config.ts';
import { ApplyProcessConfigRequest, GetProcessConfigRequest } from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import { applyText, diffText, impactLine } from '../apply-text.ts';
import type { Flags, Handler } from '../command-spec.ts';
import { complaint } from '../complaint.ts';
import type { Context } from '../context.ts';
import { type EditedFile, editedFile } from '../editor.ts';
import { EXIT, Failure } from '../failure.ts';
import { text } from '../flags.ts';
import { followApply, isFollowed } from '../follow-apply.ts';
import { write } from '../io.ts';
import { print, styleOf } from '../output.ts';

/** A check, a restart, the proof and the soak, and the same again where it is taken back. */
const longestApply = { defaultTimeoutMs: 300_000 };

interface Edit {
  readonly context: Context;
  readonly agent: Agent;
  readonly before: ProcessConfig;
  readonly file: EditedFile;
  readonly flags: Flags;
}

function send({ agent, before, flags }: Edit, content: string, how: { validate_only?: boolean; async?: boolean }): Promise<Apply> {
  const { id, etag } = before;
  const request = ApplyProcessConfigRequest.fromPartial({ id, content, etag, reason: text(flags, 'reason') ?? '', ...how });
  return unary(agent, agent.processes.applyProcessConfig.bind(agent.processes), request, longestApply);
}

/** The first letter of the answer; nothing where nobody can be asked. */
async function ask({ io }: Context, question: string): Promise<string> {
  const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  try {
    return (await lines.question(`${question} `)).trim().toLowerCase().slice(0, 1);
  } finally {
    lines.close();
  }
}

/** Checks a text; a refusal is shown, and the text is edited again unless the answer is no. Answers nothing where it was given up. */
async function edited(edit: Edit): Promise<string | undefined> {
  const { context, file, before } = edit;
  for (;;) {
    const content = await file.edit();
    if (content === before.content) return undefined;
    try {
      const checked = await send(edit, content, { validate_only: true });
      const style = await styleOf(context);
      await write(context.io.stderr, diffText(checked.diff, style) + impactLine(checked, true));
      return content;
    } catch (error) {
      if (!(error instanceof Failure) || error.exitCode !== EXIT.refused) throw error;
      if (!context.io.terminal) throw keeping(error, file);
      await write(context.io.stderr, complaint(error));
      if ((await ask(context, 'Edit it again? [Y/n]')) === 'n') throw keeping(error, file);
    }
  }
}

/** The same refusal, which says where the text is. */
function keeping(error: Failure, { path }: EditedFile): Failure {
  const { exitCode, message, reason, details } = error;
  return new Failure(exitCode, message, { reason, details, remedy: `What was written is kept in ${path}.` });
}

async function apply(edit: Edit, content: string): Promise<number> {
  const { context, agent } = edit;
  const followed = isFollowed(context);
  const begun = await send(edit, content, { async: followed });
  if (followed) return followApply(context, agent, begun);
  const style = await styleOf(context);
  await print(context, begun, () => applyText(begun, style));
  return EXIT.done;
}

/** Opens the config of an engine in an editor; what is saved is checked, shown as a diff, asked for, and applied. */
export const edit: Handler = (context, [id = ''], flags) =>
  withAgent(context, async (agent) => {
    const request = GetProcessConfigRequest.fromPartial({ id });
    const before = await unary(agent, agent.processes.getProcessConfig.bind(agent.processes), request);
    const name = `${id}.${before.format === 'YAML' ? 'yaml' : 'json'}`;
    const file = await editedFile(before.content, name, await context.io.env());
    const one: Edit = { context, agent, before, file, flags };
    const content = await edited(one);
    if (content === undefined) {
      await file.remove();
      await write(context.io.stderr, 'Nothing was changed.\n');
      return EXIT.done;
    }
    if (flags['yes'] !== true && (await ask(context, 'Apply it? [y/N]')) !== 'y') {
      await write(context.io.stderr, `Nothing was changed; what was written is kept in ${file.path}.\n`);
      return EXIT.done;
    }
    const code = await apply(one, content).catch((error: unknown) => {
      throw error instanceof Failure && error.exitCode === EXIT.refused ? keeping(error, file) : error;
    });
    await file.remove();
    return code;
  });
