import type { ConfigChange, ConfigChange_Change, ConfigRevision } from '../../gen/ts/sboxagent/v1/config.ts';
import { type Colour, type Column, listTable, type Style, table } from './table.ts';

/** A value on one line, texts without quotes. */
export function shownValue(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const effectColours: Partial<Record<ConfigChange_Change['effect'], Colour>> = { RESTART_REQUIRED: 'yellow', UNCHANGED: 'dim' };

const changeColumns: readonly Column<ConfigChange_Change>[] = [
  { title: 'KEY', cell: ({ path }) => path, whole: true },
  { title: 'OLD', cell: ({ old_value }) => shownValue(old_value), least: 8 },
  { title: 'NEW', cell: ({ new_value }) => shownValue(new_value), least: 8 },
  { title: 'EFFECT', cell: ({ effect }) => effect, colour: ({ effect }) => effectColours[effect] },
];

const wouldBe: Partial<Record<ConfigChange_Change['effect'], string>> = { APPLIED: 'WOULD APPLY', RESTART_REQUIRED: 'WOULD NEED RESTART' };

export function changesTable(changes: readonly ConfigChange_Change[], style: Style, isAsked = false): string {
  const asked: Column<ConfigChange_Change> = { title: 'EFFECT', cell: ({ effect }) => wouldBe[effect] ?? effect };
  return table(isAsked ? [...changeColumns.slice(0, -1), asked] : changeColumns, changes, style);
}

/** What a change did, or would do. */
export function changeText({ revision, changes, restart_required }: ConfigChange, options: { dryRun: boolean; style: Style }): string {
  if (changes.length === 0) return options.dryRun ? 'nothing would change\n' : `nothing changed; revision ${revision} is in effect\n`;
  const end = options.dryRun ? 'nothing was written\n' : `revision ${revision} is in effect\n`;
  const later = options.dryRun
    ? 'the rest would take effect after a restart of the agent\n'
    : 'restart the agent to put the rest into effect\n';
  return changesTable(changes, options.style, options.dryRun) + end + (restart_required ? later : '');
}

const revisionColumns: readonly Column<ConfigRevision>[] = [
  { title: 'REVISION', cell: ({ revision }) => String(revision) },
  { title: 'TIME', cell: ({ time }) => time ?? '' },
  { title: 'AUTHOR', cell: ({ author }) => author },
  { title: 'KEYS', cell: ({ changes }) => keysOf(changes), least: 16 },
  { title: 'REASON', cell: ({ reason }) => reason },
];

const mostKeys = 3;

function keysOf(changes: readonly ConfigChange_Change[]): string {
  const named = changes.slice(0, mostKeys).map(({ path }) => path);
  const more = changes.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export function revisionTable(revisions: readonly ConfigRevision[], style: Style): string {
  return listTable(revisionColumns, revisions, { style, none: 'The configuration has not been changed yet.' });
}

/** The changes of several revisions, oldest first, as one: what became something and was undone is none, unless it is a secret. */
export function combined(revisions: readonly ConfigRevision[]): readonly ConfigChange_Change[] {
  const byKey = new Map<string, ConfigChange_Change>();
  for (const change of revisions.flatMap(({ changes }) => changes)) {
    const before = byKey.get(change.path);
    byKey.set(change.path, before === undefined ? change : { ...change, old_value: before.old_value });
  }
  const same = ({ old_value, new_value }: ConfigChange_Change): boolean =>
    shownValue(old_value) === shownValue(new_value) && !shownValue(new_value).includes('***');
  return [...byKey.values()].filter((change) => !same(change)).sort((a, b) => (a.path < b.path ? -1 : 1));
}
