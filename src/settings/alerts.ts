import { type Entries, type Item, putDefault } from './entries.ts';
import { secretOf } from './files.ts';
import { type Problems, refuse } from './problems.ts';

/** The items of a list of mappings. */
export function itemsOf(entries: Entries, path: string): readonly Item[] {
  return (entries.get(path)?.value ?? []) as readonly Item[];
}

/** Refuses rules and webhooks that are none, fills in the rest of them, and reads the webhooks' secrets. */
export function settleAlerts(entries: Entries, problems: Problems): void {
  for (const [path, settle] of [
    ['alerts.rules', settleRule],
    ['alerts.webhooks', settleWebhook],
  ] as const) {
    const names = new Map<string, Item>();
    for (const item of itemsOf(entries, path)) {
      if (problems.touches([item.base])) continue;
      problems.attempt(() => {
        takeName(item, names);
        settle(item);
        for (const row of item.keys) putDefault(item.entries, '', row);
      });
    }
  }
}

function takeName({ entries, base, tree }: Item, names: Map<string, Item>): void {
  const name = entries.get('name');
  if (name === undefined) throw refuse(tree, `${base}.name`, 'not given; every one needs a name');
  const earlier = names.get(String(name.value));
  if (earlier !== undefined) throw refuse(name.at, `${base}.name`, `${earlier.base} has this name too; choose another one`);
  names.set(String(name.value), { entries, base, tree, keys: [] });
}

const ofEvents = ['count', 'window'];
const ofMetrics = ['labels', 'above', 'below', 'for'];

function settleRule({ entries, base, tree }: Item): void {
  const event = tree.entries.get('event');
  // `event: {}` is a filter that takes every event.
  const isEvent = event !== undefined && 'entries' in event;
  if (isEvent === entries.has('metric'))
    throw refuse(tree, base, `${isEvent ? 'both' : 'neither'} event ${isEvent ? 'and' : 'nor'} metric; give exactly one of the two`);
  for (const key of isEvent ? ofMetrics : ofEvents) {
    const entry = entries.get(key);
    if (entry !== undefined)
      throw refuse(entry.at, `${base}.${key}`, `belongs to a rule of a${isEvent ? ' metric' : 'n event'}; remove it`);
  }
  if (isEvent) entries.set('event', { value: true, source: tree.file, at: event });
  else if (entries.has('above') === entries.has('below')) {
    throw refuse(tree, base, `${entries.has('above') ? 'both above and below' : 'neither above nor below'}; give exactly one of the two`);
  }
}

function settleWebhook({ entries, base, tree }: Item): void {
  if (!entries.has('url')) throw refuse(tree, `${base}.url`, 'not given; name where alerts are posted');
  const file = entries.get('secret_file');
  if (file === undefined) return;
  const secret = secretOf(String(file.value), { at: file.at, path: `${base}.secret_file` });
  if (secret === '') throw refuse(file.at, `${base}.secret_file`, `${String(file.value)} is empty; put a key there, or remove the key`);
  // No row has this name: it is in no document.
  entries.set('secret', { ...file, value: secret });
}
