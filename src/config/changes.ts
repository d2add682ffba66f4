import { isDeepStrictEqual } from 'node:util';
import { dotted, hasMask, maskValue, parseYaml, plainValue, type Texts, valueAt } from '../documents/index.ts';
import type { Json, JsonObject } from '../events/types.ts';
import { diffSettings, isLive, type LoadedSettings } from '../settings/index.ts';
import { type Leaf, type Leaves, leavesOf } from './leaves.ts';
import type { State } from './room.ts';
import { keyPlace } from './shown.ts';
import { isAbove, sourceOf } from './sources.ts';
import type { KeyChange } from './types.ts';

/** A leaf as two configurations have it: what the files say, and what comes of it. */
interface Pair {
  readonly key: string;
  readonly path: readonly string[];
  readonly raw: readonly [Leaf | undefined, Leaf | undefined];
  readonly rawDiffers: boolean;
  readonly values: readonly [Json | undefined, Json | undefined];
  readonly differs: boolean;
}

/** All leaves of two configurations side by side. */
export function pairsOf(before: State, after: State): readonly Pair[] {
  const [oldRaw, nowRaw] = [rawLeaves(before.texts), rawLeaves(after.texts)];
  const [old, now] = [leavesOf(before.loaded.document as JsonObject), leavesOf(after.loaded.document as JsonObject)];
  return [...new Map([...oldRaw, ...nowRaw, ...old, ...now])].map(([key, { path }]) => {
    const [raw, values] = [[oldRaw.get(key), nowRaw.get(key)] as const, [old.get(key)?.value, now.get(key)?.value] as const];
    const rawDiffers = !isDeepStrictEqual(raw[0]?.value, raw[1]?.value);
    return { key, path, raw, rawDiffers, values, differs: !isDeepStrictEqual(...values) };
  });
}

/** `boot` is what the agent was started with: what is not live is in effect as it was then. */
export function changesBetween(before: State, after: State, boot: LoadedSettings): readonly KeyChange[] {
  const started = leavesOf(boot.document as JsonObject);
  const changeOf = ({ key, path: names, raw, rawDiffers, values, differs }: Pair): readonly KeyChange[] => {
    const path = dotted(names);
    const [oldValue, newValue] = values;
    const above = isAbove(after.loaded, path);
    const secretly = rawDiffers && !above && newValue !== undefined && hasMask(newValue);
    if (!differs && !secretly) {
      if (!rawDiffers || !above) return [];
      return [{ path, oldValue: shown(raw[0]), newValue: shown(raw[1]), effect: 'UNCHANGED' }];
    }
    // Defaults come and go with the unit that has them.
    if (oldValue === undefined && sourceOf(after.loaded, path) === 'default') return [];
    if (newValue === undefined && sourceOf(before.loaded, path) === 'default') return [];
    const asStarted = isDeepStrictEqual(started.get(key)?.value, newValue) && !secretly;
    return [{ path, oldValue, newValue, effect: isLive(path) || asStarted ? 'APPLIED' : 'RESTART_REQUIRED' }];
  };
  const listed = pairsOf(before, after).flatMap(changeOf);
  return [...listed, ...hidden(before, after, listed)].toSorted((x, y) => (x.path < y.path ? -1 : 1));
}

/** What the files say, without what comes of it. */
function rawLeaves(texts: Texts): Leaves {
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
