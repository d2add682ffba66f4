import { isAbsolute } from 'node:path';
import { type Found, isTree, refuse, type Tree } from './document.ts';
import type { KeyType } from './keys.ts';
import { suggestion } from './suggest.ts';
import type { UnitSettings } from './types.ts';
import { understand } from './values.ts';

const HOUR_MS = 3_600_000;
const integer = (min: number, max: number): KeyType => ({ kind: 'integer', min, max });
const number = (min: number, max: number): KeyType => ({ kind: 'number', min, max });
const duration = (minMs: number, maxMs = 24 * HOUR_MS): KeyType => ({ kind: 'duration', minMs, maxMs });
const choice = (...values: readonly string[]): KeyType => ({ kind: 'choice', values });
const strings: KeyType = { kind: 'strings' };

/** Keys of a unit (units.md). What a later version brings is refused by name instead of being taken and not obeyed. */
const unitKeys: Readonly<Record<string, KeyType>> = {
  engine: choice('sing-box'),
  command: strings,
  binary: { kind: 'string' },
  args: strings,
  config_path: { kind: 'path' },
  cwd: { kind: 'path' },
  pass_env: strings,
  autostart: { kind: 'boolean' },
  depends_on: strings,
  on_agent_exit: choice('keep', 'stop'),
  'restart.policy': choice('no', 'on-failure', 'always'),
  'restart.base': duration(0),
  'restart.factor': number(1, 100),
  'restart.max': duration(0),
  'restart.jitter': number(0, 10),
  'restart.burst': integer(1, 10_000),
  'restart.window': duration(1),
  'restart.stable_after': duration(0),
  'stop.signal': choice('SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'),
  'stop.grace': duration(0, HOUR_MS),
};
const laterKeys = new Set(['user', 'group', 'no_new_privs', 'capabilities', 'limits', 'probes', 'apply']);
const groups = new Set(['restart', 'stop']);
const ID = /^[a-z0-9][a-z0-9._-]{0,62}$/;

type Values = Map<string, unknown>;

/** YAML says `no` for the word; so does a person who forgets that other readers take it for false. */
function policyWord(path: string, value: unknown): unknown {
  return path === 'restart.policy' && value === false ? 'no' : value;
}

function readValue(where: { readonly unit: string; readonly path: string; readonly directory: string }, found: Found): unknown {
  const type = unitKeys[where.path];
  const names = [...new Set([...Object.keys(unitKeys).map((k) => k.split('.')[0] ?? k), 'env'])];
  const full = `${where.unit}.${where.path}`;
  if (type === undefined) {
    const problem = laterKeys.has(where.path.split('.')[0] ?? '')
      ? 'not supported by this version; remove it'
      : `unknown key${suggestion(where.path, names)}`;
    throw refuse(found, full, problem);
  }
  const understood = understand(type, policyWord(where.path, found.value), where.directory);
  if (!understood.ok) throw refuse(found, full, understood.problem);
  return understood.value;
}

function readEnvironment(tree: Tree | Found, full: string): Readonly<Record<string, string>> {
  const env: Record<string, string> = {};
  if (!isTree(tree)) {
    if (tree.value === null) return env;
    throw refuse(tree, full, 'not a mapping of names to texts; write NAME: value');
  }
  for (const [name, entry] of tree.entries) {
    const { value } = isTree(entry) ? { value: undefined } : entry;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw refuse(entry, `${full}.${name}`, 'not a name of an environment variable');
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      throw refuse(entry, `${full}.${name}`, 'not a text');
    env[name] = String(value);
  }
  return env;
}

function readKeys(
  unit: string,
  tree: Tree,
  directory: string,
): { readonly values: Values; readonly env: Readonly<Record<string, string>> } {
  const values: Values = new Map();
  let env: Readonly<Record<string, string>> = {};
  for (const [name, entry] of tree.entries) {
    if (name === 'env') env = readEnvironment(entry, `${unit}.env`);
    else if (isTree(entry) && groups.has(name)) {
      for (const [inner, found] of entry.entries) {
        if (isTree(found)) throw refuse(found, `${unit}.${name}.${inner}`, 'not a single value');
        values.set(`${name}.${inner}`, readValue({ unit, path: `${name}.${inner}`, directory }, found));
      }
    } else {
      const found = isTree(entry) ? { value: {}, file: entry.file, line: entry.line } : entry;
      values.set(name, readValue({ unit, path: name, directory }, found));
    }
  }
  return { values, env };
}

function pick<T>(values: Values, path: string, fallback: T): T {
  const value = values.get(path);
  return value === undefined ? fallback : (value as T);
}

function toUnit(id: string, values: Values, env: Readonly<Record<string, string>>): UnitSettings {
  const engine = pick<'sing-box' | undefined>(values, 'engine', undefined);
  return {
    id,
    engine,
    command: pick(values, 'command', []),
    binary: pick(values, 'binary', undefined),
    args: pick(values, 'args', []),
    configPath: pick(values, 'config_path', undefined),
    cwd: pick(values, 'cwd', undefined),
    env,
    passEnv: pick(values, 'pass_env', []),
    autostart: pick(values, 'autostart', false),
    dependsOn: pick(values, 'depends_on', []),
    onAgentExit: pick(values, 'on_agent_exit', engine === undefined ? 'stop' : 'keep'),
    restart: {
      policy: pick(values, 'restart.policy', 'on-failure'),
      baseMs: pick(values, 'restart.base', 1000),
      factor: pick(values, 'restart.factor', 2),
      maxMs: pick(values, 'restart.max', 60_000),
      jitter: pick(values, 'restart.jitter', 0.1),
      burst: pick(values, 'restart.burst', 5),
      windowMs: pick(values, 'restart.window', 60_000),
      stableAfterMs: pick(values, 'restart.stable_after', 30_000),
    },
    stop: { signal: pick(values, 'stop.signal', 'SIGTERM'), graceMs: pick(values, 'stop.grace', 15_000) },
  };
}

function refuseUnfit(unit: UnitSettings, path: string, at: Tree): void {
  if ((unit.engine === undefined) === (unit.command.length === 0)) {
    throw refuse(
      at,
      path,
      unit.engine === undefined
        ? 'neither engine nor command; give exactly one of the two'
        : 'both engine and command; give exactly one of the two',
    );
  }
  if (unit.engine === 'sing-box' && unit.configPath === undefined)
    throw refuse(at, path, 'engine sing-box without config_path; name its configuration file');
  if (unit.binary !== undefined && !isAbsolute(unit.binary)) throw refuse(at, `${path}.binary`, 'not an absolute path');
}

function refuseBadDependencies(units: Readonly<Record<string, UnitSettings>>, tree: Tree): void {
  const visit = (id: string, trail: readonly string[]): void => {
    for (const other of units[id]?.dependsOn ?? []) {
      const at = tree.entries.get(id) ?? tree;
      const path = `processes.units.${id}.depends_on`;
      if (units[other] === undefined) throw refuse(at, path, `there is no unit "${other}"${suggestion(other, Object.keys(units))}`);
      if (other === id || trail.includes(other))
        throw refuse(at, path, `a circle: ${[...trail, id, other].join(' -> ')}; remove one of these`);
      visit(other, [...trail, id]);
    }
  };
  for (const id of Object.keys(units)) visit(id, []);
}

/** Reads `processes.units`. @throws RefusedError */
export function readUnits(tree: Tree, directory: string): Readonly<Record<string, UnitSettings>> {
  const units: Record<string, UnitSettings> = {};
  for (const [id, entry] of tree.entries) {
    const path = `processes.units.${id}`;
    if (!ID.test(id))
      throw refuse(entry, path, 'not an id; lower-case letters, digits, ".", "_", "-", at most 63, a letter or digit first');
    if (!isTree(entry)) throw refuse(entry, path, 'not a mapping; give engine or command');
    const { values, env } = readKeys(path, entry, directory);
    const unit = toUnit(id, values, env);
    refuseUnfit(unit, path, entry);
    units[id] = unit;
  }
  refuseBadDependencies(units, tree);
  return units;
}
