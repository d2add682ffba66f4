import type { LogEntry } from '../../../gen/ts/sboxagent/v1/log.ts';
import type { FleetClient } from '../../fleet/client.ts';
import { fleetDialer } from '../agent.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { followedMembers, listFromAgents, sayFailure } from '../fleet/ask-agents.ts';
import { withFleet } from '../fleet/with-fleet.ts';
import { rowWriter } from '../log-table.ts';
import { print, printEntry, styleOf } from '../output.ts';
import { assertKnown, backlog, followLogs, type LogQuery, logQuery } from '../read-logs.ts';
import { textWidth } from '../text-width.ts';

type Row = LogEntry & { readonly agent: string };

/** Lines of several agents: each begins with its agent. */
async function agentRows(context: Context, query: LogQuery, agents: readonly string[]): Promise<(row: Row) => string> {
  const line = rowWriter(query.ids, await styleOf(context));
  const width = Math.max(0, ...agents.map(textWidth));
  return (row) => `${row.agent.padEnd(width)}  ${line(row)}`;
}

async function listOnce(context: Context, client: FleetClient, { query, flags }: Asked): Promise<number> {
  const { rows, code } = await listFromAgents<LogEntry>(context, client, {
    flags,
    list: async (dial) => {
      const agent = dial.connect();
      try {
        const { entries } = await backlog(agent, query);
        await assertKnown(agent, query.ids, entries);
        return entries;
      } finally {
        agent.close();
      }
    },
  });
  // Each agent has sent its last lines: of all of them the last are shown.
  const last = rows.toSorted((a, b) => (a.time ?? '').localeCompare(b.time ?? '')).slice(-query.lines || rows.length);
  const row = await agentRows(context, query, [...new Set(last.map(({ agent }) => agent))]);
  await print(context, last, () => last.map(row).join(''));
  return code;
}

/** Follows all of them at once; one that fails for good is said, and the others go on. */
async function followAll(context: Context, client: FleetClient, { query, flags }: Asked): Promise<number> {
  const members = await followedMembers(client, flags);
  const there = members.filter(({ state }) => state === 'UP');
  for (const { name, state } of members) {
    if (state !== 'UP') sayFailure(context, name, new Failure(EXIT.unreachable, `it is ${state}, and is not followed`));
  }
  if (there.length === 0) throw new Failure(EXIT.unreachable, 'no agent that matches is there');
  const dialer = await fleetDialer(context, client);
  const names = there.map(({ name }) => name);
  const row = await agentRows(context, query, names);
  let turn = Promise.resolve();
  const show = (agent: string) => async (entry: LogEntry) => {
    const one: Row = { ...entry, agent };
    turn = turn.then(() => printEntry(context, one, () => row(one)));
    await turn;
  };
  const ended = names.map((name) =>
    followLogs(context, dialer(name), { query, show: show(name) }).catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      sayFailure(context, name, error);
    }),
  );
  await Promise.all(ended);
  return EXIT.refused;
}

interface Asked {
  readonly query: LogQuery;
  readonly flags: Flags;
}

export const fleetLogs: Handler = (context, ids, flags) => {
  if (flags['follow'] === true && flags['until'] !== undefined) throw usage('--until and --follow exclude each other');
  const query = logQuery(context, ids, flags);
  const isFollowed = flags['follow'] === true;
  return withFleet(context, (client) => (isFollowed ? followAll : listOnce)(context, client, { query, flags }), { lasting: isFollowed });
};
