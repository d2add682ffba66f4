/** Log entries as lines for people: `Accept: text/plain`. */
import type { LogEntry, TailItem } from '../../../logs/types.ts';
import type { Answered } from '../../seam.ts';

/** Control characters could do things to a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (sign) =>
    sign === '\t' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function fieldText([name, value]: [string, unknown]): string {
  const text = typeof value === 'string' && /^[\w./:@%+-]+$/.test(value) ? value : JSON.stringify(value);
  return ` ${name}=${text}`;
}

/** `2026-11-29T12:00:00.000Z INFO  agent: agent started version=0.1.0 trace_id=…` */
function line({ timeMs, level, source, message, fields, traceId }: LogEntry): string {
  const facts = Object.entries(fields ?? {})
    .map(fieldText)
    .join('');
  const trace = traceId === '' ? '' : ` trace_id=${traceId}`;
  return `${printable(`${new Date(timeMs).toISOString()} ${level.padEnd(5)} ${source}: ${message}${facts}${trace}`)}\n`;
}

export function logsAsText(answer: Answered): string {
  const { entries, nextPageToken } = answer as { readonly entries: readonly LogEntry[]; readonly nextPageToken: string };
  const more = nextPageToken === '' ? '' : `# there is more: page_token=${nextPageToken}\n`;
  return entries.map(line).join('') + more;
}

export function tailAsText(answer: Answered): string {
  const { entries, dropped } = answer as TailItem;
  const lost = dropped === undefined ? '' : `# ${dropped.count} lines of ${printable(dropped.source)} were lost\n`;
  return lost + entries.map(line).join('');
}
