import { Event } from '../../../gen/ts/sboxagent/v1/event.ts';
import type { EventReader, FleetClient, FleetEvent } from '../../fleet/client.ts';
import { compileGlob } from '../../kernel/glob.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { eventColumns } from '../event-table.ts';
import { EXIT } from '../failure.ts';
import { count, instant, list, text } from '../flags.ts';
import { selects, withFleet } from '../fleet/with-fleet.ts';
import { print, printEntry, styleOf } from '../output.ts';
import { type Column, listTable, runningTable } from '../table.ts';

const defaultLines = 100;
const mostLines = 100_000;
/** How far back it looks for the events that it was asked for. */
const mostScanned = 200_000;
const firstWindow = 1000;
/** How often a follower asks the stream for what is new. */
const pollMs = 500;

interface Query {
  /** The only one, where one is named without a glob: then no other's events are read. */
  readonly agent: string | undefined;
  readonly keep: (event: FleetEvent) => boolean;
  readonly since: Date | undefined;
  readonly lines: number | undefined;
}

type Row = Event & { readonly agent: string };

const columns: readonly Column<Row>[] = [
  { title: 'AGENT', cell: ({ agent }) => agent, width: 12, whole: true },
  ...eventColumns.filter(({ title }) => title !== 'REVISION' && title !== 'SOURCE'),
];

function rowOf({ agent, event }: FleetEvent): Row {
  return { ...Event.fromPartial(event as Parameters<typeof Event.fromPartial>[0]), agent };
}

async function queryOf({ io }: Context, client: FleetClient, flags: Flags): Promise<Query> {
  const types = list(flags, 'type').map(compileGlob);
  const agents = list(flags, 'agents');
  const chosen = selects(flags);
  // Labels stand in the entries of the agents alone; a name that is no longer among them still has its events.
  const labels = new Map(flags['labels'] === undefined ? [] : (await client.members()).map((member) => [member.name, member.labels]));
  const since = instant(text(flags, 'since'), '--since', io.clock.wallMs());
  const isChosen = (name: string): boolean =>
    (flags['labels'] === undefined || labels.has(name)) && chosen({ name, labels: labels.get(name) ?? {} });
  return {
    agent: agents.length === 1 && !agents[0]?.includes('*') ? agents[0] : undefined,
    keep: ({ agent, event }) => isChosen(agent) && (types.length === 0 || types.some((matches) => matches(event.type))),
    since: since === undefined ? undefined : new Date(since),
    lines: count(text(flags, 'lines'), '-n', mostLines) ?? (since === undefined ? undefined : mostLines),
  };
}

/** The last that match, looked for from the newest back, oldest first. */
async function newest(reader: EventReader, { agent, keep, lines = defaultLines }: Query): Promise<readonly FleetEvent[]> {
  const { first, last } = await reader.bounds();
  let found: FleetEvent[] = [];
  let [end, width, scanned] = [last, firstWindow, 0];
  while (end >= first && end > 0 && found.length < lines && scanned < mostScanned) {
    const begin = Math.max(first, end - width + 1);
    const part: FleetEvent[] = [];
    for await (const event of reader.from(begin, agent)) {
      if (event.place > end) break;
      if (keep(event)) part.push(event);
    }
    found = [...part, ...found];
    scanned += end - begin + 1;
    [end, width] = [begin - 1, width * 2];
  }
  return found.slice(-lines);
}

async function since(reader: EventReader, start: Date, { agent, keep, lines = mostLines }: Query): Promise<readonly FleetEvent[]> {
  const found: FleetEvent[] = [];
  for await (const event of reader.from(start, agent)) if (keep(event) && found.push(event) > lines) found.shift();
  return found;
}

async function listed(reader: EventReader, query: Query): Promise<readonly FleetEvent[]> {
  if (query.lines === 0) return [];
  return query.since === undefined ? newest(reader, query) : since(reader, query.since, query);
}

async function followEvents(context: Context, reader: EventReader, query: Query): Promise<number> {
  const { header, row } = runningTable(columns, await styleOf(context));
  let isHeaderDue = context.options.output === 'table';
  const show = async (found: FleetEvent): Promise<void> => {
    await printEntry(context, { agent: found.agent, ...found.event }, () => (isHeaderDue ? header : '') + row(rowOf(found)));
    isHeaderDue = false;
  };
  let { last: place } = await reader.bounds();
  const before = query.lines === undefined ? [] : await listed(reader, query);
  for (const event of before) await show(event);
  place = Math.max(place, before.at(-1)?.place ?? 0);
  let isLost = false;
  for (;;) {
    await context.io.clock.sleep(pollMs);
    try {
      for await (const event of reader.from(place + 1, query.agent)) {
        place = event.place;
        if (query.keep(event)) await show(event);
      }
      if (isLost) context.io.stderr.write('sboxagent: connected again\n');
      isLost = false;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!isLost) context.io.stderr.write(`sboxagent: the stream is not read: ${why}; trying again\n`);
      isLost = true;
    }
  }
}

export const fleetEvents: Handler = (context, _args, flags) => {
  const isFollowed = flags['follow'] === true;
  return withFleet(
    context,
    async (client) => {
      const query = await queryOf(context, client, flags);
      const reader = await client.events();
      if (isFollowed) return followEvents(context, reader, query);
      const found = await listed(reader, query);
      const style = await styleOf(context);
      await print(
        context,
        found.map(({ agent, event }) => ({ agent, ...event })),
        () => listTable(columns, found.map(rowOf), { style, none: 'No event matches.' }),
      );
      return EXIT.done;
    },
    { lasting: isFollowed },
  );
};
