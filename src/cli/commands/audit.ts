import type { AuditEntry } from '../../../gen/ts/sboxagent/v1/audit.ts';
import { type AuditFilter, AuditServiceClient, ListAuditEntriesRequest } from '../../../gen/ts/sboxagent/v1/audit_service.ts';
import { AgentError } from '../../kernel/errors.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import { auditColumns } from '../audit-table.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { count, duration, text, list as words } from '../flags.ts';
import { print, styleOf } from '../output.ts';
import { table } from '../table.ts';
import { localAgent } from '../target.ts';

const defaultLines = 100;
const mostLines = 100_000;

function filterOf({ io }: Context, flags: Flags): Partial<AuditFilter> {
  const sinceMs = duration(text(flags, 'since'), '--since');
  return {
    principals: words(flags, 'who'),
    methods: words(flags, 'method').map((glob) => (glob.includes('*') || glob.includes('.') ? glob : `*.${glob}`)),
    targets: words(flags, 'about'),
    codes: words(flags, 'code'),
    since: sinceMs === undefined ? undefined : new Date(io.clock.wallMs() - sinceMs).toISOString(),
  };
}

/** The newest `lines` that match, oldest first. */
async function newest(agent: Agent, filter: Partial<AuditFilter>, lines: number): Promise<AuditEntry[]> {
  const service = new AuditServiceClient(agent.address, agent.credentials, agent.channelOptions);
  const entries: AuditEntry[] = [];
  let token = '';
  while (entries.length < lines) {
    const size = Math.min(1000, lines - entries.length);
    const request = ListAuditEntriesRequest.fromPartial({ filter, page_size: size, page_token: token });
    const page = await unary(agent, service.listAuditEntries.bind(service), request);
    entries.push(...page.entries.slice(0, size));
    token = page.next_page_token;
    if (token === '') break;
  }
  return entries.reverse();
}

export const list: Handler = (context, _args, flags) =>
  withAgent(context, async (agent) => {
    const lines = count(text(flags, 'lines'), '-n', mostLines) ?? defaultLines;
    const entries = await newest(agent, filterOf(context, flags), lines);
    const style = await styleOf(context);
    await print(context, entries, () => table(auditColumns, entries, style));
    return EXIT.done;
  });

/** `17:<64 hexadecimal digits>`, as `verify` prints it. */
function knownLink(word: string | undefined): { sequence: number; hash: string } | undefined {
  if (word === undefined) return undefined;
  const [, sequence = '', hash = ''] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(word) ?? [];
  if (hash === '') throw usage(`--known takes SEQUENCE:HASH, not ${JSON.stringify(word)}`, '`sboxagent audit verify` prints one.');
  return { sequence: Number(sequence), hash };
}

export const verify: Handler = async (context, _args, flags) => {
  if (context.options.target !== undefined) {
    throw usage('the chain is verified in the state directory: --target does not go with it', "Run it on the agent's own machine.");
  }
  const known = knownLink(text(flags, 'known'));
  const { stateDir } = await localAgent(context);
  const { verifyAudit } = await import('../../audit/state-dir.ts');
  const verdict = readable(() => verifyAudit(stateDir, known));
  if (verdict === undefined) {
    throw new Failure(EXIT.refused, `there is no audit in ${stateDir}`, { remedy: 'Start the agent once, or name its --state-dir.' });
  }
  const { entries, first, last, hash, problem } = verdict;
  await print(context, { whole: problem === undefined, ...verdict }, () =>
    problem === undefined
      ? `The chain is whole: ${entries} entries, ${first} to ${last}.\nWrite this down elsewhere, and give it to --known later: ${last}:${hash}\n`
      : `The chain is broken at entry ${problem.sequence}: ${problem.message}.\n${entries} entries before it are whole.\n`,
  );
  return problem === undefined ? EXIT.done : EXIT.refused;
};

function readable<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    throw new Failure(EXIT.refused, error.message, {
      reason: error.reason,
      remedy: "Run it as the daemon's user, or name another --state-dir.",
    });
  }
}
