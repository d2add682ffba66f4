import { formatDuration } from '../kernel/duration.ts';
import { mask, standardRedactor } from '../kernel/redaction.ts';
import { formatSize } from '../kernel/size.ts';
import type { KeyType } from './keys.ts';
import type { StatusRange } from './values.ts';

/** The value in the notation of the configuration, secrets masked. */
export function notation(type: KeyType, value: unknown): unknown {
  if (typeof value === 'number' && type.kind === 'duration') return formatDuration(value);
  if (typeof value === 'number' && type.kind === 'size') return formatSize(value);
  if (typeof value === 'number' && type.kind === 'mode') return `0${value.toString(8)}`;
  if (type.kind === 'texts' && type.masked) {
    const entries = Object.entries(value as Readonly<Record<string, string>>);
    return Object.fromEntries(
      entries.map(([name, text]) => [name, standardRedactor.isSecretName(name) ? mask : standardRedactor.text(text)]),
    );
  }
  if (type.kind === 'empty') return {};
  if (type.kind === 'rlimit') return withoutTwin(String(value));
  if (type.kind === 'statuses') return (value as readonly StatusRange[]).map(({ from, to }) => (from === to ? from : `${from}-${to}`));
  if (type.kind === 'strings') return standardRedactor.command(value as readonly string[]);
  if (type.kind === 'string' && typeof value === 'string') return standardRedactor.urls(value);
  return type.kind === 'secret' && typeof value === 'string' ? mask : value;
}

/** `5:5` -> `5` */
function withoutTwin(limit: string): string {
  const [soft = '', hard = ''] = limit.split(':');
  return soft === hard ? soft : limit;
}
