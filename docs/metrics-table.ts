import { type MetricEntry, metricCatalogue } from '../src/telemetry/index.ts';

const head = '| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n';
/** Units as people write them. */
const units: Readonly<Record<string, string>> = { s: 'seconds', By: 'bytes', '1': 'ratio' };

function row([name, { kind, unit, labels, help }]: readonly [string, MetricEntry]): string {
  const shown = unit === undefined ? '–' : (units[unit] ?? unit);
  return `| \`${name}\` | ${kind} | ${shown} | ${labels.map((label) => `\`${label}\``).join(' ') || '–'} | ${help} |\n`;
}

/** docs/metrics.md with its table made anew: everything from its head on. */
export function withMetricsTable(page: string): string {
  const at = page.search(/^\| name \| type \|/m);
  if (at === -1) throw new Error('docs/metrics.md has no table of metrics');
  return page.slice(0, at) + head + Object.entries(metricCatalogue).map(row).join('');
}
