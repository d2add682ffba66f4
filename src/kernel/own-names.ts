/** The agent's own name: the source of its events. Nobody from outside may use it. */
export const ownSource = 'sboxagent';
/** The source of the agent's own log lines; those of a process are under its id. */
export const ownLogSource = 'agent';

/** Names under which the agent itself, or a caller without a token, appears in answers and records. */
const reservedNames: ReadonlySet<string> = new Set([ownSource, 'unix', 'anonymous', 'open', 'file']);

/** As a reader sees it: compatibility forms, case, blanks and invisible characters make no other name. */
function plain(name: string): string {
  return name
    .normalize('NFKC')
    .replaceAll(/[\s\p{C}]/gu, '')
    .toLowerCase();
}

/** Whether a source, however it is spelled, is the agent's own. */
export function isOwnSource(source: string): boolean {
  // Most sources have another first letter, or another length: no normalisation for them.
  return source === ownSource || (source.length >= ownSource.length && plain(source) === ownSource);
}

/** Whether a token may not have this name. */
export function isReservedName(name: string): boolean {
  return reservedNames.has(plain(name));
}
