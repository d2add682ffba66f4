import type { Metric } from '../../../gen/ts/sboxagent/v1/metric.ts';
import { GetMetricsRequest, MetricsServiceClient } from '../../../gen/ts/sboxagent/v1/metrics_service.ts';
import { type Agent, dial, unary, withAgent } from '../agent.ts';
import { type Flags, type Handler, topOrders } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { printable } from '../escape.ts';
import { EXIT, Failure } from '../failure.ts';
import { duration, text } from '../flags.ts';
import { write } from '../io.ts';
import { type Keys, openKeys } from '../keys.ts';
import { listProcesses } from '../list-processes.ts';
import { print, styleOf } from '../output.ts';
import { filterRows, sortRows, type TopOrder, type TopRow, topMetrics, topRows, topScreen } from '../top-view.ts';

const defaultIntervalMs = 2000;
/** From the upper left corner on, the rest of the screen empty. */
const repaint = '\u001b[H\u001b[J';
const usualHeight = 24;

interface Sample {
  readonly rows: readonly TopRow[];
  readonly metrics: readonly Metric[];
}

async function sample(agent: Agent, flags: Flags, order: TopOrder): Promise<Sample> {
  const service = new MetricsServiceClient(agent.address, agent.credentials, agent.channelOptions);
  const request = GetMetricsRequest.fromPartial({ names: topMetrics, windows: [{ seconds: '300' }], points: true });
  const [processes, { metrics }] = await Promise.all([listProcesses(agent), unary(agent, service.getMetrics.bind(service), request)]);
  const rows = filterRows(topRows(processes, metrics), text(flags, 'filter') ?? '');
  return { rows: sortRows(rows, order), metrics };
}

function orderOf(flags: Flags): TopOrder {
  return (text(flags, 'sort') ?? 'cpu') as TopOrder;
}

/** The machine's figures without their names' prefix. */
function systemJson(metrics: readonly Metric[]): object {
  const prefix = 'sboxagent_system_';
  return Object.fromEntries(
    metrics.flatMap(({ name, series }) => (name.startsWith(prefix) ? [[name.slice(prefix.length), series[0]?.value]] : [])),
  );
}

function once(context: Context, flags: Flags): Promise<number> {
  return withAgent(context, async (agent) => {
    const { rows, metrics } = await sample(agent, flags, orderOf(flags));
    const style = await styleOf(context);
    await print(context, { system: systemJson(metrics), processes: rows }, () =>
      topScreen(rows, metrics, { ...style, height: Number.POSITIVE_INFINITY }),
    );
    return EXIT.done;
  });
}

/** Paints the terminal again and again until `q`; the first letter of a column sorts by it. An agent that goes away is waited for. */
async function live(context: Context, flags: Flags, intervalMs: number): Promise<number> {
  const keys = openKeys(context.io);
  try {
    return await paint(context, flags, { intervalMs, keys });
  } finally {
    keys.close();
  }
}

async function paint(
  context: Context,
  flags: Flags,
  { intervalMs, keys }: { readonly intervalMs: number; readonly keys: Keys },
): Promise<number> {
  const { io } = context;
  const { connect } = await dial(context);
  let order = orderOf(flags);
  for (let reached = false; ; reached = true) {
    let screen: string;
    try {
      const agent = connect();
      const { rows, metrics } = await sample(agent, flags, order).finally(() => agent.close());
      screen = topScreen(rows, metrics, { ...(await styleOf(context)), height: io.rows ?? usualHeight });
    } catch (error) {
      if (!(error instanceof Failure) || !reached || !error.passing) throw error;
      screen = `${printable(error.message)}; trying again\n`;
    }
    await write(io.stdout, repaint + screen);
    const key = await keys.next(intervalMs);
    if (key === 'q') return EXIT.done;
    order = topOrders.find((one) => one[0] === key) ?? order;
  }
}

export const top: Handler = async (context, _args, flags) => {
  const intervalMs = duration(text(flags, 'interval'), '--interval') ?? defaultIntervalMs;
  const isLive = context.io.terminal && context.options.output === 'table' && flags['once'] !== true;
  return isLive ? live(context, flags, Math.max(250, intervalMs)) : once(context, flags);
};
