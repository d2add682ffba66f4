/** Log entries as lines for people: `Accept: text/plain`. */
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { LogEntry_Level } from '../../../gen/es/sboxagent/v1/log_pb.js';
import type { ListLogsResponse, TailLogsResponse } from '../../../gen/es/sboxagent/v1/log_service_pb.js';
import type { Answered } from '../seam.ts';

type Entry = ListLogsResponse['entries'][number];

/** Control characters could do things to a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (sign) =>
    sign === '\t' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function timeText(time: Timestamp | undefined): string {
  if (time === undefined) return '-';
  return new Date(Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000)).toISOString();
}

function fieldText([name, value]: [string, unknown]): string {
  const text = typeof value === 'string' && /^[\w./:@%+-]+$/.test(value) ? value : JSON.stringify(value);
  return ` ${name}=${text}`;
}

/** `2026-11-29T12:00:00.000Z INFO  agent: agent started version=0.1.0 trace_id=…` */
function line({ time, level, source, message, fields, traceId }: Entry): string {
  const facts = Object.entries(fields ?? {})
    .map(fieldText)
    .join('');
  const trace = traceId === '' ? '' : ` trace_id=${traceId}`;
  return `${printable(`${timeText(time)} ${(LogEntry_Level[level] ?? '').padEnd(5)} ${source}: ${message}${facts}${trace}`)}\n`;
}

export function logsAsText(answer: Answered): string {
  const { entries, nextPageToken } = answer as Pick<ListLogsResponse, 'entries' | 'nextPageToken'>;
  const more = nextPageToken === '' ? '' : `# there is more: page_token=${nextPageToken}\n`;
  return entries.map(line).join('') + more;
}

export function tailAsText(answer: Answered): string {
  const { entries, dropped } = answer as Pick<TailLogsResponse, 'entries' | 'dropped'>;
  const lost = dropped === undefined ? '' : `# ${dropped.count} lines of ${printable(dropped.source)} were lost\n`;
  return lost + entries.map(line).join('');
}
