import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { RefusedError } from '../kernel/errors.ts';
import { type Found, isTree, readDocument, refuse, type Tree } from './document.ts';
import { aliases, environmentName, type Key, keyTable } from './keys.ts';
import { refuseUnfit } from './refusals.ts';
import { suggestion } from './suggest.ts';
import { toSettings } from './to-settings.ts';
import type { LoadedSettings, UnitSettings } from './types.ts';
import { readUnits } from './units.ts';
import { fromEnvironment, notation, understand } from './values.ts';

export interface LoadOptions {
  /** `--config`: a file, or a directory. */
  readonly configPath?: string;
  /** `--state-dir`: wins over all. */
  readonly stateDir?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** A value in force and where it came from. */
export interface Entry {
  readonly value: unknown;
  /** File, `env NAME`, `--state-dir`, or `default`. */
  readonly source: string;
  /** For refusals: file and line, or the variable. */
  readonly at: { readonly file: string; readonly line: number };
}

export type Entries = Map<string, Entry>;

const directoryFiles = ['agent.yaml', 'api.yaml', 'plugins.yaml', 'sboxagent.yaml'];
/** Names with our prefix that are the client's or the launcher's own. */
const otherNames = new Set([
  'SBOXAGENT_CONFIG',
  'SBOXAGENT_TARGET',
  'SBOXAGENT_TOKEN',
  'SBOXAGENT_TOKEN_FILE',
  'SBOXAGENT_TIMEOUT',
  'SBOXAGENT_OUTPUT',
  'SBOXAGENT_DISABLE',
]);
const prefix = 'SBOXAGENT_';
const ownPrefixes = ['SBOXAGENT_EXAMPLE_', 'SBOXAGENT_UNIT'];

const rows: ReadonlyMap<string, Key> = new Map(keyTable.map((row) => [row.path, row]));
const groups: ReadonlySet<string> = new Set(
  keyTable.flatMap(({ path }) => path.split('.').map((_, i, parts) => parts.slice(0, i).join('.'))),
);

function filesIn(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return directoryFiles.map((name) => join(path, name)).filter((file) => existsSync(file));
}

/** The files to read: flag, $SBOXAGENT_CONFIG, ./sboxagent.yaml, /etc/sboxagent/, none. @throws RefusedError where a named one is missing. */
function findFiles({ configPath, env, cwd }: LoadOptions): readonly string[] {
  const named = configPath ?? (env['SBOXAGENT_CONFIG'] || undefined);
  if (named !== undefined) {
    const path = resolve(cwd, named);
    if (!existsSync(path))
      throw new RefusedError(`${path}: there is no such file; correct ${configPath === undefined ? 'SBOXAGENT_CONFIG' : '--config'}`);
    const files = filesIn(path);
    if (files.length === 0) throw new RefusedError(`${path}: none of ${directoryFiles.join(', ')} is in this directory; put one there`);
    return files;
  }
  if (existsSync(join(cwd, 'sboxagent.yaml'))) return [join(cwd, 'sboxagent.yaml')];
  return existsSync('/etc/sboxagent') ? filesIn('/etc/sboxagent') : [];
}

function readFile(file: string): Tree {
  const { mode } = statSync(file);
  if ((mode & 0o022) !== 0)
    throw new RefusedError(
      `${file}: others may write to it (0${(mode & 0o777).toString(8)}), so they could run commands as the daemon; chmod 600 ${file}`,
    );
  return readDocument(readFileSync(file, 'utf8'), file);
}

/** Walks a document by the table: every leaf is a row, every mapping a group of rows. */
function collect(tree: Tree, path: string, entries: Entries, units: Map<string, Tree>): void {
  for (const [name, entry] of tree.entries) {
    const written = path === '' ? name : `${path}.${name}`;
    const full = aliases[written] ?? written;
    const row = rows.get(full);
    if (row?.type.kind === 'units') {
      if (isTree(entry)) units.set(full, entry);
      else if (entry.value !== null) throw refuse(entry, full, 'not a mapping of units; write processes.units.<id>');
    } else if (row !== undefined) setValue(row, entry, entries);
    else if (groups.has(full)) {
      if (isTree(entry)) collect(entry, full, entries, units);
      else if (entry.value !== null) throw refuse(entry, full, 'not a mapping of keys');
    } else {
      const siblings = [...rows.keys(), ...groups].filter((k) => k !== '' && k.split('.').slice(0, -1).join('.') === path);
      throw refuse(
        entry,
        full,
        `unknown key${suggestion(
          name,
          siblings.map((k) => k.split('.').at(-1) ?? k),
        )}`,
      );
    }
  }
}

function plain(entry: Found | Tree): unknown {
  return isTree(entry) ? Object.fromEntries([...entry.entries].map(([name, value]) => [name, plain(value)])) : entry.value;
}

function setValue(row: Key, entry: Found | Tree, entries: Entries): void {
  const raw = plain(entry);
  // `***` is how a printed configuration shows a secret that it does not tell.
  if (raw === null || (row.type.kind === 'secret' && raw === '***')) return;
  const understood = understand(row.type, raw, dirname(entry.file));
  if (!understood.ok) throw refuse(entry, row.path, understood.problem);
  entries.set(row.path, { value: understood.value, source: entry.file, at: entry });
}

function overrideByEnvironment(entries: Entries, { env, cwd }: LoadOptions): void {
  const names = new Map([...keyTable].map((row) => [environmentName(row.path), row]));
  for (const [from, to] of Object.entries(aliases)) {
    for (const row of keyTable) if (row.path.startsWith(`${to}.`)) names.set(environmentName(row.path.replace(to, from)), row);
  }
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(prefix) || otherNames.has(name) || text === undefined || text === '') continue;
    if (ownPrefixes.some((own) => name.startsWith(own))) continue;
    const row = names.get(name);
    const at = { file: `env ${name}`, line: 0 };
    if (row === undefined) throw refuse(at, '', `no key has this name${suggestion(name, names.keys())}`);
    const understood = understand(row.type, fromEnvironment(row.type, text), cwd);
    if (!understood.ok) throw refuse(at, row.path, understood.problem);
    entries.set(row.path, { value: understood.value, source: at.file, at });
  }
}

function stateDirOf(env: LoadOptions['env']): string {
  if (process.getuid?.() === 0) return '/var/lib/sboxagent';
  return join(env['XDG_STATE_HOME'] || join(env['HOME'] || homedir(), '.local/state'), 'sboxagent');
}

function fillIn(entries: Entries, options: LoadOptions): void {
  const none = { file: 'default', line: 0 };
  const fallback = (path: string, value: unknown): void => {
    if (!entries.has(path) && value !== undefined) entries.set(path, { value, source: 'default', at: none });
  };
  if (options.stateDir !== undefined) {
    entries.set('agent.state_dir', {
      value: resolve(options.cwd, options.stateDir),
      source: '--state-dir',
      at: { file: '--state-dir', line: 0 },
    });
  }
  fallback('agent.name', hostname());
  fallback('agent.state_dir', stateDirOf(options.env));
  for (const row of keyTable) {
    if (row.fallback === undefined || row.type.kind === 'units') continue;
    const understood = understand(row.type, row.fallback, options.cwd);
    if (!understood.ok) throw new Error(`the default of ${row.path}: ${understood.problem}`);
    fallback(row.path, understood.value);
  }
  fallback('api.unix_socket.path', join(String(entries.get('agent.state_dir')?.value), 'api.sock'));
  fallback('api.security.rate_limit.burst', entries.get('api.security.rate_limit.requests_per_minute')?.value);
}

function place(document: Record<string, unknown>, path: string, value: unknown): void {
  const parts = path.split('.');
  const last = parts.pop() ?? path;
  let at = document;
  for (const part of parts) {
    at[part] ??= {};
    at = at[part] as Record<string, unknown>;
  }
  at[last] = value;
}

/** The effective document in the configuration's own notation. */
function documentOf(entries: Entries, unitTrees: Tree | undefined): Record<string, unknown> {
  const document: Record<string, unknown> = {};
  for (const row of keyTable) {
    if (row.type.kind === 'units') place(document, row.path, unitTrees === undefined ? {} : plain(unitTrees));
    else if (entries.has(row.path)) place(document, row.path, notation(row.type, entries.get(row.path)?.value));
  }
  return document;
}

/** Reads the configuration from all its sources. @throws RefusedError: one line with file, line, key and remedy. */
export function loadSettings(options: LoadOptions): LoadedSettings {
  const paths = findFiles(options);
  const entries: Entries = new Map();
  const trees = new Map<string, Tree>();
  for (const path of paths) collect(readFile(path), '', entries, trees);
  overrideByEnvironment(entries, options);
  fillIn(entries, options);
  const unitTree = trees.get('processes.units');
  const units: Readonly<Record<string, UnitSettings>> = unitTree === undefined ? {} : readUnits(unitTree, dirname(unitTree.file));
  refuseUnfit(entries);
  const settings = toSettings(entries, units);
  const document = documentOf(entries, unitTree);
  const secret = settings.api.security.authToken ?? '';
  const etag = createHash('sha256')
    .update(JSON.stringify([document, secret]))
    .digest('hex')
    .slice(0, 16);
  const sources = Object.fromEntries([...entries].map(([path, entry]) => [path, entry.source]));
  return { settings, paths, etag, document, sources };
}
