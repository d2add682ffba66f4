import { isDeepStrictEqual } from 'node:util';
import { hasMask, maskValue, parseYaml, plainValue, type Texts, valueAt } from '../documents/index.ts';
import type { Json, JsonObject } from '../events/types.ts';
import { diffSettings, isLive, type LoadedSettings } from '../settings/index.ts';
import { dotted, type Leaf, type Leaves, leavesOf } from './leaves.ts';
import { keyPlace } from './shown.ts';
import { isAbove, sourceOf } from './sources.ts';
import type { Effect, KeyChange } from './types.ts';

/** A configuration with the texts that say it. */
export interface State {
  readonly loaded: LoadedSettings;
  readonly texts: Texts;
}

/** `boot` is what the agent was started with: what is not live is in effect as it was then. */
export function changesBetween(before: State, after: State, boot: LoadedSettings): readonly KeyChange[] {
  const [old, now] = [leavesOf(before.loaded.document as JsonObject), leavesOf(after.loaded.document as JsonObject)];
  const [oldRaw, nowRaw] = [rawLeaves(before.texts), rawLeaves(after.texts)];
  const started = leavesOf(boot.document as JsonObject);
  const keys = new Set([...old.keys(), ...now.keys(), ...oldRaw.keys(), ...nowRaw.keys()]);
  const listed = [...keys].flatMap((key): readonly KeyChange[] => {
    const leaf = old.get(key) ?? now.get(key) ?? oldRaw.get(key) ?? nowRaw.get(key);
    if (leaf === undefined) return [];
    const rawDiffers = !isDeepStrictEqual(oldRaw.get(key)?.value, nowRaw.get(key)?.value);
    return changeOf(dotted(leaf.path), {
      before,
      after,
      a: old.get(key),
      b: now.get(key),
      rawDiffers,
      oldRaw: oldRaw.get(key),
      nowRaw: nowRaw.get(key),
      started: started.get(key),
    });
  });
  return [...listed, ...hidden(before, after, listed)].toSorted((x, y) => (x.path < y.path ? -1 : 1));
}

/** What the files say, without what comes of it. */
export function rawLeaves(texts: Texts): Leaves {
  return new Map([...texts.values()].flatMap((text) => [...leavesOf(plainValue(parseYaml(text)))]));
}

interface Sides {
  readonly before: State;
  readonly after: State;
  readonly a: Leaf | undefined;
  readonly b: Leaf | undefined;
  readonly rawDiffers: boolean;
  readonly oldRaw: Leaf | undefined;
  readonly nowRaw: Leaf | undefined;
  readonly started: Leaf | undefined;
}

function changeOf(path: string, { before, after, a, b, rawDiffers, oldRaw, nowRaw, started }: Sides): readonly KeyChange[] {
  const above = isAbove(after.loaded, path);
  const secretly = rawDiffers && !above && b !== undefined && hasMask(b.value);
  if (isDeepStrictEqual(a?.value, b?.value) && !secretly) {
    if (!rawDiffers || !above) return [];
    const shown = (leaf: Leaf | undefined): Json | undefined =>
      leaf === undefined ? undefined : maskValue(leaf.value, keyPlace(leaf.path));
    return [{ path, oldValue: shown(oldRaw), newValue: shown(nowRaw), effect: 'UNCHANGED' }];
  }
  // Defaults come and go with the unit that has them.
  if (a === undefined && sourceOf(after.loaded, path) === 'default') return [];
  if (b === undefined && sourceOf(before.loaded, path) === 'default') return [];
  return [
    { path, oldValue: a?.value, newValue: b?.value, effect: effectOf(path, isDeepStrictEqual(started?.value, b?.value) && !secretly) },
  ];
}

function effectOf(path: string, asStarted: boolean): Effect {
  return isLive(path) || asStarted ? 'APPLIED' : 'RESTART_REQUIRED';
}

/** What the documents do not show: a secret in a file that a key names. */
function hidden(before: State, after: State, listed: readonly KeyChange[]): readonly KeyChange[] {
  const differing = diffSettings(before.loaded.settings, after.loaded.settings);
  const untold = differing.filter(({ path }) => !listed.some((change) => change.path === path || change.path.startsWith(`${path}.`)));
  const shown = ({ loaded }: State, path: string): Json => valueAt(loaded.document as JsonObject, path.split('.')) ?? '***';
  return untold
    .filter(({ path }) => !listed.some((change) => change.path === `${path}_file`))
    .map(({ path, live }) => ({
      path,
      oldValue: shown(before, path),
      newValue: shown(after, path),
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
