import { dotted } from '../documents/index.ts';
import { AgentError, type Problem, RefusedError } from '../kernel/errors.ts';
import { may, type Principal } from '../kernel/principal.ts';
import { diffSettings, scopeOfKey } from '../settings/index.ts';
import { pairsOf } from './changes.ts';
import type { State } from './room.ts';
import { secretAliases } from './shown.ts';
import { sourceOf } from './sources.ts';

/** Keys that a refusal names. */
const mostNamed = 20;

/**
 * Throws SCOPE_MISSING where a change touches a key that the caller may not change, before anything is written. Both what the files say
 * and what comes of it are compared, whichever way the document came (whole, by mask, as text, as an earlier revision), so that neither
 * an anchor, nor a merge key, nor a value hidden behind the environment or a `***` is a way round.
 */
function assertMayChange(before: State, after: State, caller: Principal): void {
  if (may(caller, 'admin')) return;
  const beyond = changedKeys(before, after).filter((path) => !may(caller, scopeOfKey(path)));
  if (beyond.length > 0) throw missing(beyond.map(dotted));
  // A secret must not follow an alias to a place where it can be read, though both places may be the caller's to change.
  const known = secretAliases(before.texts);
  const moved = [...secretAliases(after.texts)].filter(([key]) => !known.has(key));
  if (moved.length > 0) throw missing(moved.map(([, path]) => dotted(path)));
}

/**
 * What `judge` makes of a change, if the caller may make it. A refusal that is about a key which the caller may not change says so, and
 * not what it found: it would tell of files that the key names.
 */
export function allowed(judge: () => State, before: State, caller: Principal | undefined): State {
  if (caller === undefined || may(caller, 'admin')) return judge();
  try {
    const next = judge();
    assertMayChange(before, next, caller);
    return next;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const beyond = error.problems.map(({ path }) => path).filter((path) => path !== '' && !may(caller, scopeOfKey(keyPath(path))));
    throw beyond.length > 0 ? missing(beyond) : error;
  }
}

/** What of a judgement a caller is told: of files that an admin's keys name (whether they are there, how long they are) nothing but that. */
export function problemsFor(caller: Principal, problems: readonly Problem[]): readonly Problem[] {
  if (may(caller, 'admin')) return problems;
  return problems.map((problem) => {
    const isOfFile = /_file$/.test(problem.path) && !may(caller, scopeOfKey(keyPath(problem.path)));
    return isOfFile
      ? { ...problem, message: 'not fit, or not there; what is wrong with this file is told to the scope admin alone' }
      : problem;
  });
}

/** The names in the dotted path of a problem: an id with dots in it is one. */
function keyPath(path: string): readonly string[] {
  const unit = /^(processes|plugins)\.units\.(.+)$/.exec(path);
  if (unit === null) return path.replaceAll(/\[\d+\]/g, '').split('.');
  const [, group = '', rest = ''] = unit;
  return [group, 'units', 'id', ...rest.split('.').slice(1)];
}

function changedKeys(before: State, after: State): readonly (readonly string[])[] {
  // A default that follows another key is not what was changed.
  const isDefault = (path: readonly string[]): boolean =>
    [before, after].every(({ loaded }) => sourceOf(loaded, dotted(path)) === 'default');
  const leaves = pairsOf(before, after).filter(({ path, rawDiffers, differs }) => rawDiffers || (differs && !isDefault(path)));
  // What documents show as `***` on both sides.
  const hidden = diffSettings(before.loaded.settings, after.loaded.settings).filter(({ path }) => !isContainer(path));
  return [...leaves.map(({ path }) => path), ...hidden.map(({ path }) => path.split('.')).filter((path) => !isDefault(path))];
}

/** Units are compared leaf by leaf. */
function isContainer(path: string): boolean {
  return path === 'processes.units' || path === 'plugins.units';
}

/** `paths` may name a key more than once: what is wrong with it, or where it comes from, is several things. */
function missing(paths: readonly string[]): AgentError {
  const keys = [...new Set(paths)];
  const [first = ''] = keys;
  const more = keys.length > 1 ? ` (and ${keys.length - 1} more)` : '';
  return new AgentError('SCOPE_MISSING', `${first}${more}: changing this key needs the scope admin; nothing was changed`, {
    metadata: { scope: 'admin', key: first, keys: keys.slice(0, mostNamed).join(',') },
  });
}
