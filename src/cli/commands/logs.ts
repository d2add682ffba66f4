import { dial } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, usage } from '../failure.ts';
import { write } from '../io.ts';
import { rowWriter } from '../log-table.ts';
import { print, printEntry, styleOf } from '../output.ts';
import { assertKnown, backlog, followLogs, type LogQuery, logQuery, mostScanned } from '../read-logs.ts';

async function listOnce(context: Context, query: LogQuery): Promise<number> {
  const agent = (await dial(context)).connect();
  try {
    const { entries, cutShort } = await backlog(agent, query);
    await assertKnown(agent, query.ids, entries);
    const row = rowWriter(query.ids, await styleOf(context));
    if (entries.length === 0 && context.io.terminal && context.options.output === 'table')
      await write(context.io.stderr, 'No line matches.\n');
    await print(context, entries, () => entries.map(row).join(''));
    if (cutShort) context.io.stderr.write(`sboxagent: looked through the last ${mostScanned} lines only; narrow it with --since\n`);
    return EXIT.done;
  } finally {
    agent.close();
  }
}

async function followOnce(context: Context, query: LogQuery): Promise<number> {
  const row = rowWriter(query.ids, await styleOf(context));
  await followLogs(context, await dial(context), { query, show: (entry) => printEntry(context, entry, () => row(entry)) });
  return EXIT.done;
}

export const logs: Handler = (context, ids, flags) => {
  if (flags['follow'] === true && flags['until'] !== undefined) throw usage('--until and --follow exclude each other');
  const query = logQuery(context, ids, flags);
  return flags['follow'] === true ? followOnce(context, query) : listOnce(context, query);
};
