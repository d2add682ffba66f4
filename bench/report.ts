/** Results as text, in the shape of a Markdown table, so that they can be pasted where they are wanted. */
import type { Outcome, Result } from './measure.ts';

function figure(value: number): string {
  if (!Number.isFinite(value)) return 'n/a';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

const columns = ['what', 'who', 'median', 'least – most', 'ratio', 'CPU of the server', 'CPU ratio', 'goal'] as const;
const widths = [44, 28, 20, 20, 6, 22, 9, 22] as const;

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |\n`;
}

export function tableHead(rounds: number): string {
  const about = `${rounds} rounds a side in turns, ratios are sboxagent / peer, CPU is user + system time of the serving process\n\n`;
  return about + row(columns) + row(widths.map((width) => '-'.repeat(width)));
}

function cells(outcome: Outcome, result: Result): string[] {
  const { median, min, max } = outcome.value;
  const cpu = `${figure(outcome.cpuUs)} µs/${result.per}`;
  return [outcome.name, `${figure(median)} ${result.unit}`, `${figure(min)} – ${figure(max)}`, cpu];
}

/** `goal`: what the ratios are wanted to be, where that is said. */
export function tableRows(result: Result, goal: string): string {
  const [who = '', median = '', range = '', cpu = ''] = cells(result.ours, result);
  const [peer = '', peerMedian = '', peerRange = '', peerCpu = ''] = cells(result.peer, result);
  return (
    row([result.title, who, median, range, figure(result.ratio), cpu, figure(result.cpuRatio), goal]) +
    row([`  ${result.load}`, peer, peerMedian, peerRange, '', peerCpu, '', ''])
  );
}
