import { constants } from 'node:os';

/** How a run ended: by itself with a code, by a signal, or in a way that nobody can tell any more. */
export type EndStatus =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'unknown' };

const names = new Map<number, string>(Object.entries(constants.signals).map(([name, number]) => [number, name]));
names.set(constants.signals.SIGABRT, 'SIGABRT'); // and not its old name SIGIOT
names.set(constants.signals.SIGIO, 'SIGIO');

export function signalName(number: number): string {
  return names.get(number) ?? `SIG${number}`;
}

/**
 * Tells a signal from an exit with 128+n, for which a shell has one status only. It is the shell's own words that give it
 * away: a shell says `Killed`, `Segmentation fault`, … of a child that a signal ended, and nothing of one that exited.
 * They are silent about SIGINT and SIGPIPE (bash about SIGTERM too): there a status of 130, 141 (143) is taken for the signal,
 * although a program may exit with that number by itself; it cannot be told.
 */
export function decodeShellStatus(status: number, words: string, shellIsBash: boolean): EndStatus {
  const signal = status > 128 ? names.get(status - 128) : undefined;
  if (signal === undefined) return { kind: 'code', code: status };
  const silent = signal === 'SIGINT' || signal === 'SIGPIPE' || (signal === 'SIGTERM' && shellIsBash);
  return silent || words.trim() !== '' ? { kind: 'signal', signal } : { kind: 'code', code: status };
}

export function succeeded(end: EndStatus): boolean {
  return end.kind === 'code' && end.code === 0;
}

/** For a person: `exit code 3`, `signal SIGKILL`. */
export function describeEnd(end: EndStatus): string {
  switch (end.kind) {
    case 'code':
      return `exit code ${end.code}`;
    case 'signal':
      return `signal ${end.signal}`;
    case 'unknown':
      return 'an exit that nobody saw';
  }
}
