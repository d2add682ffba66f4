import type { Apply, ProcessConfigRevision } from '../../../gen/ts/sboxagent/v1/process_config.ts';
import {
  ApplyProcessConfigRequest,
  ListProcessConfigRevisionsRequest,
  RollbackProcessConfigRequest,
} from '../../../gen/ts/sboxagent/v1/process_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import { applyText, configRevisionTable } from '../apply-text.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, usage } from '../failure.ts';
import { count, revisionNumber, text } from '../flags.ts';
import { followApply, isFollowed } from '../follow-apply.ts';
import { print, styleOf } from '../output.ts';
import { readInput } from '../read-input.ts';

/** A check, a restart, the proof and the soak, and the same again where it is taken back. */
const longestApply = { defaultTimeoutMs: 300_000 };

async function show(context: Context, apply: Apply): Promise<number> {
  const style = await styleOf(context);
  await print(context, apply, () => applyText(apply, style));
  return EXIT.done;
}

/** Puts the config of a file into effect, or says with --dry-run what speaks against it. */
export const apply: Handler = (context, [id = ''], flags) =>
  withAgent(context, async (agent) => {
    const file = text(flags, 'file');
    if (file === undefined) throw usage('give the config with -f FILE; - reads stdin');
    const content = await readInput(context, file);
    const request = ApplyProcessConfigRequest.fromPartial({
      id,
      content,
      etag: text(flags, 'etag') ?? '',
      reason: text(flags, 'reason') ?? '',
      validate_only: flags['dryRun'] === true,
      async: flags['async'] === true,
    });
    const followed = isFollowed(context) && !request.validate_only && !request.async;
    const sent = { ...request, async: request.async || followed };
    const begun = await unary(agent, agent.processes.applyProcessConfig.bind(agent.processes), sent, longestApply);
    return followed ? followApply(context, agent, begun) : show(context, begun);
  });

/** Newest first. */
export async function listRevisions(agent: Agent, id: string, most: number): Promise<ProcessConfigRevision[]> {
  const all: ProcessConfigRevision[] = [];
  let token = '';
  do {
    const request = ListProcessConfigRevisionsRequest.fromPartial({ id, page_size: Math.min(1000, most - all.length), page_token: token });
    const page = await unary(agent, agent.processes.listProcessConfigRevisions.bind(agent.processes), request);
    all.push(...page.revisions);
    token = page.next_page_token;
  } while (token !== '' && all.length < most);
  return all;
}

/** The configs of before, newest first. */
export const history: Handler = (context, [id = ''], flags) =>
  withAgent(context, async (agent) => {
    const lines = count(text(flags, 'lines'), '-n', 100_000) ?? 100;
    const revisions = lines === 0 ? [] : await listRevisions(agent, id, lines);
    const style = await styleOf(context);
    await print(context, revisions, () => configRevisionTable(revisions, style));
    return EXIT.done;
  });

/** Puts the config of an earlier revision into effect again, with the same proof. */
export const rollback: Handler = (context, [id = '', word = ''], flags) => {
  const revision = revisionNumber(word, `sboxagent history ${id}`);
  return withAgent(context, async (agent) => {
    const followed = isFollowed(context);
    const request = RollbackProcessConfigRequest.fromPartial({ id, revision, reason: text(flags, 'reason') ?? '', async: followed });
    const begun = await unary(agent, agent.processes.rollbackProcessConfig.bind(agent.processes), request, longestApply);
    return followed ? followApply(context, agent, begun) : show(context, begun);
  });
};
