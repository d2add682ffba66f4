import { isDeepStrictEqual } from 'node:util';
import { dotted, hasMask, maskValue, parseYaml, plainValue, type Texts, valueAt } from '../documents/index.ts';
import type { Json, JsonObject } from '../events/types.ts';
import { diffSettings, isLive, type LoadedSettings } from '../settings/index.ts';
import { type Leaf, type Leaves, leavesOf } from './leaves.ts';
import type { State } from './room.ts';
import { keyPlace } from './shown.ts';
import { isAbove, sourceOf } from './sources.ts';
import type { KeyChange } from './types.ts';

/** `boot` is what the agent was started with: what is not live is in effect as it was then. */
export function changesBetween(before: State, after: State, boot: LoadedSettings): readonly KeyChange[] {
  const [old, now, started] = [before.loaded, after.loaded, boot].map(({ document }) => leavesOf(document as JsonObject)) as [
    Leaves,
    Leaves,
    Leaves,
  ];
  const [oldRaw, nowRaw] = [rawLeaves(before.texts), rawLeaves(after.texts)];
  const changeOf = (key: string, path: string): readonly KeyChange[] => {
    const [oldValue, newValue] = [old.get(key)?.value, now.get(key)?.value];
    const rawDiffers = !isDeepStrictEqual(oldRaw.get(key)?.value, nowRaw.get(key)?.value);
    const above = isAbove(after.loaded, path);
    const secretly = rawDiffers && !above && newValue !== undefined && hasMask(newValue);
    if (isDeepStrictEqual(oldValue, newValue) && !secretly) {
      if (!rawDiffers || !above) return [];
      return [{ path, oldValue: shown(oldRaw.get(key)), newValue: shown(nowRaw.get(key)), effect: 'UNCHANGED' }];
    }
    // Defaults come and go with the unit that has them.
    if (oldValue === undefined && sourceOf(after.loaded, path) === 'default') return [];
    if (newValue === undefined && sourceOf(before.loaded, path) === 'default') return [];
    const asStarted = isDeepStrictEqual(started.get(key)?.value, newValue) && !secretly;
    return [{ path, oldValue, newValue, effect: isLive(path) || asStarted ? 'APPLIED' : 'RESTART_REQUIRED' }];
  };
  const leaves = new Map([...nowRaw, ...oldRaw, ...now, ...old]);
  const listed = [...leaves].flatMap(([key, { path }]) => changeOf(key, dotted(path)));
  return [...listed, ...hidden(before, after, listed)].toSorted((x, y) => (x.path < y.path ? -1 : 1));
}

/** What the files say, without what comes of it. */
export function rawLeaves(texts: Texts): Leaves {
  return new Map([...texts.values()].flatMap((text) => [...leavesOf(plainValue(parseYaml(text)))]));
}

function shown(leaf: Leaf | undefined): Json | undefined {
  return leaf === undefined ? undefined : maskValue(leaf.value, keyPlace(leaf.path));
}

/** What the documents do not show: a secret in a file that a key names. */
function hidden(before: State, after: State, listed: readonly KeyChange[]): readonly KeyChange[] {
  const differing = diffSettings(before.loaded.settings, after.loaded.settings);
  const untold = differing.filter(({ path }) => !listed.some((change) => change.path === path || change.path.startsWith(`${path}.`)));
  const valueIn = ({ loaded }: State, path: string): Json => valueAt(loaded.document as JsonObject, path.split('.')) ?? '***';
  return untold
    .filter(({ path }) => !listed.some((change) => change.path === `${path}_file`))
    .map(({ path, live }) => ({
      path,
      oldValue: valueIn(before, path),
      newValue: valueIn(after, path),
      effect: live ? 'APPLIED' : 'RESTART_REQUIRED',
    }));
}

/** The changed keys that a revision keeps. */
export function changesIn(detail: Json): readonly KeyChange[] {
  const list = (Array.isArray(detail) ? detail : []) as readonly Partial<KeyChange>[];
  return list.map(({ path = '', oldValue, newValue, effect = 'APPLIED' }) => ({ path, oldValue, newValue, effect }));
}

/** As a revision keeps them: what is undefined there is absent here. */
export function asJson(changes: readonly KeyChange[]): Json {
  return JSON.parse(JSON.stringify(changes)) as Json;
}
