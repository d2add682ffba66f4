import type { Entries, Item } from './entries.ts';
import { secretOf } from './files.ts';
import { itemsOf, settleItems } from './items.ts';
import { type Problems, refuse } from './problems.ts';

/** Refuses rules and webhooks that are none, fills in the rest of them, and reads the webhooks' secrets. */
export function settleAlerts(entries: Entries, problems: Problems): void {
  settleItems(itemsOf(entries, 'alerts.rules'), settleRule, problems);
  settleItems(itemsOf(entries, 'alerts.webhooks'), settleWebhook, problems);
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
