import { createHash } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { type Entries, put, putComputed, putDefault, putFlag } from './entries.ts';
import { overrides } from './environment.ts';
import { configFiles, type FileOptions, readFiles } from './files.ts';
import { keyTable, unitKeyTable } from './keys.ts';
import { gatherProblems, type Problems, refuse } from './problems.ts';
import { refuseUnfit } from './refusals.ts';
import { collect, schemaOf } from './schema.ts';
import { toDocument, toSettings } from './to-settings.ts';
import { type Found, isTree, plain, type Tree } from './tree.ts';
import type { LoadedSettings } from './types.ts';
import { refuseUnfitUnits, type Units, unitId } from './units.ts';

export interface LoadOptions extends FileOptions {
  /** `--state-dir`: wins over all. */
  readonly stateDir?: string;
}

const schema = schemaOf(keyTable);
const unitSchema = schemaOf(unitKeyTable);
const maxUnits = 1000;

/**
 * Reads the configuration from all its sources.
 * @throws RefusedError: its line has file, line, key and remedy of the first problem, its `problems` have all that were found.
 */
export function loadSettings(options: LoadOptions): LoadedSettings {
  const paths = configFiles(options);
  const problems = gatherProblems();
  const entries: Entries = new Map();
  const units: Units = new Map();
  for (const tree of readFiles(paths, options.texts, problems)) readTree(tree, { entries, units, problems });
  for (const { path, ...given } of overrides(options.env, units.keys(), problems)) {
    problems.attempt(() => put(entries, path, { ...given, directory: options.cwd }));
  }
  // What could not be read may be what the rest refers to.
  if (problems.has('syntax')) problems.settle(paths);
  fillIn(entries, options);
  fillInUnits(entries, units);
  refuseUnfit(entries, problems);
  refuseUnfitUnits(entries, units, problems);
  problems.settle(paths);
  const settings = toSettings(entries, [...units.keys()]);
  const document = toDocument(entries, [...units.keys()]);
  const etag = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
  const sources = Object.fromEntries([...entries].map(([path, entry]) => [path, entry.source]));
  return { settings, paths, etag, document, sources };
}

interface Into {
  readonly entries: Entries;
  readonly units: Units;
  readonly problems: Problems;
}

function readTree(tree: Tree, into: Into): void {
  const { entries, problems } = into;
  const directory = dirname(tree.file);
  collect(schema, tree, {
    base: '',
    problems,
    set(row, entry) {
      if (row.type.kind === 'units' && isTree(entry)) readUnits(entry, row.path, into);
      else put(entries, row.path, { row, written: isTree(entry) ? { value: plain(entry), words: [] } : entry, at: entry, directory });
    },
  });
}

function readUnits(tree: Tree, above: string, into: Into): void {
  if (tree.entries.size > maxUnits) {
    throw refuse(tree, above, { rule: 'range', message: `more than ${maxUnits} units; declare fewer` });
  }
  for (const [id, entry] of tree.entries) into.problems.attempt(() => readUnit(entry, { above, id }, into));
}

function readUnit(entry: Tree | Found, { above, id }: { readonly above: string; readonly id: string }, into: Into): void {
  const base = `${above}.${id}`;
  if (!unitId.test(id)) {
    const message = 'not an id; lower-case letters, digits, ".", "_", "-", at most 63, a letter or digit first';
    throw refuse(entry, base, { rule: 'type', message });
  }
  if (!isTree(entry)) throw refuse(entry, base, { rule: 'type', message: 'not a mapping of keys; give engine or command' });
  into.units.set(id, { base, tree: entry });
  collect(unitSchema, entry, {
    base: `${base}.`,
    problems: into.problems,
    set(row, found) {
      const written = isTree(found) ? { value: plain(found), words: [] } : found;
      put(into.entries, `${base}.${row.path}`, { row, written, at: found, directory: dirname(entry.file) });
    },
  });
}

function fillIn(entries: Entries, options: LoadOptions): void {
  if (options.stateDir !== undefined) {
    putFlag(entries, 'agent.state_dir', { name: '--state-dir', value: options.stateDir, cwd: options.cwd });
  }
  putComputed(entries, 'agent.name', hostname() || 'sboxagent');
  putComputed(entries, 'agent.state_dir', defaultStateDir(options.env));
  for (const row of keyTable) putDefault(entries, row.path, row);
  putComputed(entries, 'api.unix_socket.path', join(String(entries.get('agent.state_dir')?.value), 'api.sock'));
  putComputed(entries, 'api.security.rate_limit.burst', entries.get('api.security.rate_limit.requests_per_minute')?.value);
}

function fillInUnits(entries: Entries, units: Units): void {
  for (const { base } of units.values()) {
    for (const row of unitKeyTable) putDefault(entries, `${base}.${row.path}`, row);
    putComputed(entries, `${base}.on_agent_exit`, entries.has(`${base}.engine`) ? 'keep' : 'stop');
  }
}

function defaultStateDir(env: LoadOptions['env']): string {
  if (process.getuid?.() === 0) return '/var/lib/sboxagent';
  const named = env['XDG_STATE_HOME'] ?? '';
  // The XDG base directory specification: relative ones are invalid and to be ignored.
  return join(isAbsolute(named) ? named : join(env['HOME'] || homedir(), '.local/state'), 'sboxagent');
}
