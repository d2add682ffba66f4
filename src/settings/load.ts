import { createHash } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { isTree, refuse, type Tree } from './document.ts';
import { type Entries, put, putComputed, putDefault, putFlag } from './entries.ts';
import { overrides } from './environment.ts';
import { findFiles, readFiles } from './files.ts';
import { keyTable, unitKeyTable } from './keys.ts';
import { refuseUnfit } from './refusals.ts';
import { collect, plain, schemaOf } from './schema.ts';
import { toDocument, toSettings } from './to-settings.ts';
import type { LoadedSettings } from './types.ts';
import { refuseUnfitUnits, type UnitPlaces, unitId } from './units.ts';

export interface LoadOptions {
  /** `--config`: a file, or a directory. */
  readonly configPath?: string;
  /** `--state-dir`: wins over all. */
  readonly stateDir?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

const schema = schemaOf(keyTable);
const unitSchema = schemaOf(unitKeyTable);
const maxUnits = 1000;

/** Reads the configuration from all its sources. @throws RefusedError: one line with file, line, key and remedy. */
export function loadSettings(options: LoadOptions): LoadedSettings {
  const paths = findFiles(options);
  const entries: Entries = new Map();
  const units = new Map<string, Tree>();
  for (const tree of readFiles(paths)) readTree(tree, entries, units);
  for (const { path, ...given } of overrides(options.env, units.keys())) put(entries, path, { ...given, directory: options.cwd });
  fillIn(entries, options);
  fillInUnits(entries, units);
  refuseUnfit(entries);
  refuseUnfitUnits(entries, units);
  const settings = toSettings(entries, [...units.keys()]);
  const document = toDocument(entries, [...units.keys()]);
  const etag = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
  const sources = Object.fromEntries([...entries].map(([path, entry]) => [path, entry.source]));
  return { settings, paths, etag, document, sources };
}

function readTree(tree: Tree, entries: Entries, units: Map<string, Tree>): void {
  const directory = dirname(tree.file);
  collect(schema, tree, {
    base: '',
    set(row, entry) {
      if (row.type.kind !== 'units' || !isTree(entry)) {
        put(entries, row.path, { row, written: isTree(entry) ? { value: plain(entry), words: [] } : entry, at: entry, directory });
      } else readUnits(entry, entries, units);
    },
  });
}

function readUnits(tree: Tree, entries: Entries, units: Map<string, Tree>): void {
  if (tree.entries.size > maxUnits) throw refuse(tree, 'processes.units', `more than ${maxUnits} units; declare fewer`);
  for (const [id, entry] of tree.entries) {
    const base = `processes.units.${id}`;
    if (!unitId.test(id)) {
      throw refuse(entry, base, 'not an id; lower-case letters, digits, ".", "_", "-", at most 63, a letter or digit first');
    }
    if (!isTree(entry)) throw refuse(entry, base, 'not a mapping of keys; give engine or command');
    units.set(id, entry);
    collect(unitSchema, entry, {
      base: `${base}.`,
      set(row, found) {
        const written = isTree(found) ? { value: plain(found), words: [] } : found;
        put(entries, `${base}.${row.path}`, { row, written, at: found, directory: dirname(tree.file) });
      },
    });
  }
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

function fillInUnits(entries: Entries, units: UnitPlaces): void {
  for (const id of units.keys()) {
    const base = `processes.units.${id}`;
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
