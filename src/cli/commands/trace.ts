import type { TraceSummary } from '../../../gen/ts/sboxagent/v1/trace.ts';
import { GetTraceRequest, ListTracesRequest, type TraceFilter, TraceServiceClient } from '../../../gen/ts/sboxagent/v1/trace_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import type { Flags, Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../failure.ts';
import { count, duration, list, text } from '../flags.ts';
import { print, styleOf } from '../output.ts';
import { type Column, table } from '../table.ts';
import { durationText, traceTree } from '../trace-tree.ts';

const defaultLines = 20;
const mostLines = 10_000;

const columns: readonly Column<TraceSummary>[] = [
  { title: 'TRACE', cell: ({ trace_id }) => trace_id },
  { title: 'TIME', cell: ({ start_time }) => (start_time ?? '').replace(/(\.\d{3})\d*/, '$1'), width: 24 },
  { title: 'TOOK', cell: (trace) => durationText(trace.duration) },
  { title: 'SPANS', cell: ({ spans }) => String(spans), drop: 1 },
  { title: 'ERROR', cell: ({ error }) => (error ? 'yes' : ''), colour: ({ error }) => (error ? 'red' : undefined) },
  { title: 'BEGAN WITH', cell: ({ root }) => root.replace(/^sboxagent\.v1\./, '') },
];

function client(agent: Agent): TraceServiceClient {
  return new TraceServiceClient(agent.address, agent.credentials, agent.channelOptions);
}

function filterOf({ io }: Context, flags: Flags): Partial<TraceFilter> {
  const sinceMs = duration(text(flags, 'since'), '--since');
  const minMs = duration(text(flags, 'minDuration'), '--min-duration');
  return {
    methods: list(flags, 'method'),
    errors_only: flags['errors'] === true,
    text: text(flags, 'grep') ?? '',
    since: sinceMs === undefined ? undefined : new Date(io.clock.wallMs() - sinceMs).toISOString(),
    min_duration:
      minMs === undefined ? undefined : { seconds: String(Math.floor(minMs / 1000)), nanos: Math.round(minMs % 1000) * 1_000_000 },
  };
}

/** The newest that match, oldest first, as in every list of the command line. */
export async function newestTraces(agent: Agent, filter: Partial<TraceFilter>, lines: number): Promise<TraceSummary[]> {
  const service = client(agent);
  const traces: TraceSummary[] = [];
  let token = '';
  while (traces.length < lines) {
    const size = Math.min(1000, lines - traces.length);
    const request = ListTracesRequest.fromPartial({ filter, page_size: size, page_token: token });
    const page = await unary(agent, service.listTraces.bind(service), request);
    traces.push(...page.traces.slice(0, size));
    token = page.next_page_token;
    if (token === '') break;
  }
  return traces.reverse();
}

/** One trace as a tree, or the list. */
export const trace: Handler = (context, [id], flags) =>
  withAgent(context, async (agent) => {
    const style = await styleOf(context);
    if (id === undefined) {
      const lines = count(text(flags, 'lines'), '-n', mostLines) ?? defaultLines;
      const traces = await newestTraces(agent, filterOf(context, flags), lines);
      await print(context, traces, () => table(columns, traces, style));
      return EXIT.done;
    }
    const service = client(agent);
    const found = await unary(agent, service.getTrace.bind(service), GetTraceRequest.fromPartial({ trace_id: id }));
    await print(context, found, () => traceTree(found, style));
    return EXIT.done;
  });
