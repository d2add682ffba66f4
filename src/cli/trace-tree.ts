import type { Duration } from '../../gen/ts/google/protobuf/duration.ts';
import type { Trace, TraceEntry } from '../../gen/ts/sboxagent/v1/trace.ts';
import { printable } from './escape.ts';
import { type Colour, paint, type Style } from './table.ts';

/** An entry with what belongs below it. */
interface Node {
  readonly entry: TraceEntry;
  readonly below: Node[];
}

/** Entries hang below their span; what names none, or one that is not here, hangs below the first span where that had begun. */
function treeOf(entries: readonly TraceEntry[]): readonly Node[] {
  const nodes = entries.map((entry): Node => ({ entry, below: [] }));
  const spans = new Map(nodes.flatMap((node) => (node.entry.kind === 'SPAN' ? [[node.entry.id, node] as const] : [])));
  const [first] = spans.values();
  const roots: Node[] = [];
  for (const node of nodes) {
    const parent = parentOf(node, spans);
    const place = parent ?? (first !== undefined && first !== node && roots.includes(first) ? first : undefined);
    if (place === undefined || place === node) roots.push(node);
    else place.below.push(node);
  }
  return roots;
}

/** A span may not stand below itself, whatever the ids say. */
function parentOf(node: Node, spans: ReadonlyMap<string, Node>): Node | undefined {
  const parent = spans.get(node.entry.parent_id);
  const seen = new Set([node]);
  for (let at = parent; at !== undefined; at = spans.get(at.entry.parent_id)) {
    if (seen.has(at)) return undefined;
    seen.add(at);
  }
  return parent;
}

export function durationText(took: Duration | undefined): string {
  const ms = took === undefined ? 0 : Number(took.seconds) * 1000 + took.nanos / 1_000_000;
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms >= 100_000 ? 0 : 2)} s`;
  return ms >= 1 ? `${ms.toFixed(ms >= 100 ? 0 : 1)} ms` : `${Math.round(ms * 1000)} µs`;
}

const signs: Readonly<Record<string, string>> = { SPAN: '■', EVENT: '◆', LOG: '│' };
const levels: Readonly<Record<string, Colour>> = {
  WARN: 'yellow',
  WARNING: 'yellow',
  ERROR: 'red',
  CRITICAL: 'red',
  FATAL: 'red',
  DEBUG: 'dim',
};

function textOf(entry: TraceEntry, style: Style): string {
  const { kind, name, status, source, message } = entry;
  const said = printable(message);
  switch (kind) {
    case 'SPAN': {
      const code = status === 'OK' ? paint('OK', 'green', style) : paint(status, 'red', style);
      const about = Object.entries(entry.attributes).filter(([key]) => !key.startsWith('rpc.'));
      const facts = about.map(([key, value]) => ` ${printable(key)}=${printable(value)}`).join('');
      return `${printable(name).replace(/^sboxagent\.v1\./, '')}${facts}  ${durationText(entry.duration)}  ${code}${said === '' ? '' : `  ${said}`}`;
    }
    case 'EVENT':
      return `${paint(printable(name), levels[status], style)} ${said}  (event ${entry.revision} of ${printable(source)})`;
    default:
      return `${printable(source)}: ${paint(status, levels[status], style)} ${said}`;
  }
}

/** A trace for people: what belongs together stands together, in the order of time, with the time since its beginning. */
export function traceTree(trace: Trace, style: Style): string {
  const beganMs = Date.parse(trace.start_time ?? '');
  const lines: string[] = [];
  const show = (nodes: readonly Node[], depth: number): void => {
    for (const { entry, below } of nodes) {
      const afterMs = Math.max(0, Date.parse(entry.time ?? '') - beganMs);
      const time = paint(`+${(afterMs / 1000).toFixed(3)}s`.padStart(10), 'dim', style);
      lines.push(`${time}  ${'  '.repeat(depth)}${signs[entry.kind] ?? '?'} ${textOf(entry, style)}`);
      show(below, depth + 1);
    }
  };
  show(treeOf(trace.entries), 0);
  const verdict = trace.error ? paint('with an error', 'red', style) : paint('without an error', 'green', style);
  const head = `Trace ${trace.trace_id}: ${printable(trace.root)}, ${trace.start_time ?? ''}, ${durationText(trace.duration)}, ${verdict}`;
  return `${[head, ...lines, ...(trace.truncated ? ['There is more than is shown.'] : [])].join('\n')}\n`;
}
