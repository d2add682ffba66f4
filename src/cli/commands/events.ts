import { GetStatusRequest } from '../../../gen/ts/sboxagent/v1/agent_service.ts';
import type { Event, EventFilter } from '../../../gen/ts/sboxagent/v1/event.ts';
import { ListEventsRequest, WatchEventsRequest, type WatchEventsResponse } from '../../../gen/ts/sboxagent/v1/event_service.ts';
import { type Agent, dial, messages, unary, withAgent } from '../agent.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { eventColumns } from '../event-table.ts';
import { EXIT, usage } from '../failure.ts';
import { count, instant, list, text } from '../flags.ts';
import { follow } from '../follow.ts';
import { print, printEntry, styleOf } from '../output.ts';
import { listTable, runningTable } from '../table.ts';

const defaultLines = 100;
const mostLines = 100_000;

interface Query {
  readonly filter: Partial<EventFilter>;
  readonly after: number | undefined;
  readonly lines: number | undefined;
}

function queryOf({ io }: Context, flags: Flags): Query {
  const nowMs = io.clock.wallMs();
  const severity = text(flags, 'severity')?.toUpperCase() as Event['severity'] | undefined;
  return {
    filter: {
      types: list(flags, 'type'),
      sources: list(flags, 'source'),
      subjects: list(flags, 'subject'),
      since: instant(text(flags, 'since'), '--since', nowMs),
      until: instant(text(flags, 'until'), '--until', nowMs),
      min_severity: severity ?? 'SEVERITY_UNSPECIFIED',
    },
    after: count(text(flags, 'after'), '--after', Number.MAX_SAFE_INTEGER),
    // Whoever says since when wants all of it.
    lines: count(text(flags, 'lines'), '-n', mostLines) ?? (flags['since'] === undefined ? undefined : mostLines),
  };
}

/** The newest `lines` that match, oldest first. */
export async function newestEvents(agent: Agent, filter: Partial<EventFilter>, lines: number): Promise<Event[]> {
  const events: Event[] = [];
  let token = '';
  while (events.length < lines) {
    const size = Math.min(1000, lines - events.length);
    const request = ListEventsRequest.fromPartial({ filter, order_by: 'revision desc', page_size: size, page_token: token });
    const page = await unary(agent, agent.events.listEvents.bind(agent.events), request);
    events.push(...page.events.slice(0, size));
    token = page.next_page_token;
    if (token === '') break;
  }
  return events.reverse();
}

/** Those after a revision, oldest first, as far as the journal goes now. */
async function* after(agent: Agent, { filter, lines }: Query, revision: number): AsyncGenerator<Event> {
  const last = Number((await newestEvents(agent, filter, 1))[0]?.revision ?? 0);
  const request = WatchEventsRequest.fromPartial({ filter, after_revision: String(revision) });
  // Also where nothing is to come: the agent says what is wrong with the revision.
  let left = lines ?? Number.POSITIVE_INFINITY;
  for await (const message of messages(agent, agent.events.watchEvents(request, agent.metadata, agent.streamOptions()))) {
    for (const event of message.events) {
      if (left <= 0 || Number(event.revision) > last) return;
      left -= 1;
      yield event;
    }
    if (left <= 0 || Number(message.revision) >= last) return;
  }
}

async function collect(found: AsyncIterable<Event>): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of found) events.push(event);
  return events;
}

async function listOnce(context: Context, query: Query): Promise<number> {
  return withAgent(context, async (agent) => {
    const { after: revision, filter, lines } = query;
    const found =
      revision === undefined ? await newestEvents(agent, filter, lines ?? defaultLines) : await collect(after(agent, query, revision));
    const style = await styleOf(context);
    await print(context, found, () => listTable(eventColumns, found, { style, none: 'No event matches.' }));
    return EXIT.done;
  });
}

/** Where a follower begins: after what it is shown first, so that nothing falls in between. undefined = with what comes. */
async function beginning(agent: Agent, { after: revision, filter, lines }: Query): Promise<{ shown: Event[]; cursor: string | undefined }> {
  if (revision !== undefined) return { shown: [], cursor: String(revision) };
  if (lines === undefined || lines === 0) return { shown: [], cursor: undefined };
  const { journal } = await unary(agent, agent.agents.getStatus.bind(agent.agents), GetStatusRequest.create());
  const shown = await newestEvents(agent, filter, lines);
  const cursor = Math.max(Number(journal?.last_revision ?? 0), Number(shown.at(-1)?.revision ?? 0));
  return { shown, cursor: String(cursor) };
}

async function followEvents(context: Context, query: Query): Promise<number> {
  const dialled = await dial(context);
  const { header, row } = runningTable(eventColumns, await styleOf(context));
  const { io, options } = context;
  const agent = dialled.connect();
  const { shown, ...start } = await beginning(agent, query).finally(() => agent.close());
  let { cursor } = start;
  let isHeaderDue = options.output === 'table';
  const show = async (event: Event): Promise<void> => {
    await printEntry(context, event, () => (isHeaderDue ? header : '') + row(event));
    isHeaderDue = false;
  };
  for (const event of shown) await show(event);
  await follow<WatchEventsResponse>(context, dialled, {
    open: ({ events: client, metadata }) =>
      client.watchEvents(
        WatchEventsRequest.fromPartial({ filter: query.filter, ...(cursor === undefined ? {} : { after_revision: cursor }) }),
        metadata,
      ),
    take: async ({ events: batch, gap, revision }) => {
      if (gap !== undefined) {
        io.stderr.write(
          `sboxagent: gap: ${gap.count} events, revisions ${gap.from_revision} to ${gap.to_revision}, were removed before they could be shown\n`,
        );
      }
      for (const event of batch) await show(event);
      cursor = revision;
    },
  });
  return EXIT.done;
}

export const events: Handler = (context, _args, flags) => {
  if (flags['follow'] === true && flags['until'] !== undefined) throw usage('--until and --follow exclude each other');
  const query = queryOf(context, flags);
  return flags['follow'] === true ? followEvents(context, query) : listOnce(context, query);
};
