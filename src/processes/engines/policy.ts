import { isAbsolute, resolve, sep } from 'node:path';
import { isLoopback } from './fields.ts';
import { compileKeys } from './key-pattern.ts';
import { apparentFiles, certainFiles, pluginFiles } from './named-files.ts';
import type { ConfigFormat } from './read-config.ts';
import { linesOf } from './read-config.ts';
import type { ConfigKeys, Document, Engine, EngineApi } from './types.ts';
import { type ConfigNode, walkConfig } from './walk.ts';

/** What a config that comes from outside must not choose. */
export type PolicyRule =
  | 'syntax'
  | 'duplicate_key'
  | 'hidden_key'
  | 'too_deep'
  | 'too_large'
  | 'file_outside'
  | 'file_reserved'
  | 'program'
  | 'api_public'
  | 'api_without_secret'
  | 'api_any_origin';

export interface PolicyViolation {
  /** Dotted path of the key; empty for the config as a whole. */
  readonly path: string;
  /** From 1; 0 where it cannot be told. */
  readonly line: number;
  readonly rule: PolicyRule;
  /** What is wrong and what to do. Never holds a secret. */
  readonly message: string;
}

/** Where a config may name files, and how its relative paths are read. */
export interface PolicyScope {
  /** The engine's working directory. */
  readonly cwd: string;
  /** Absolute: the unit's own directory, `cwd`, and `apply.allowed_dirs`. */
  readonly allowedDirs: readonly string[];
  /** Files within them that are the agent's own: its records of the run. */
  readonly reserved: readonly string[];
  /** What an absolute path leads to when its links are followed, as far as it exists. */
  readonly realPath: (path: string) => string;
}

/** As many as fit into an answer. */
const maxViolations = 100;
/** Places that are remembered. */
const maxKnown = 10_000;

/** What is looked for at a place of a config. */
type Category = 'program' | 'file' | 'options' | 'not-file' | 'opaque' | 'unknown';

/** Names of what is no path, however it looks: keys in base64 begin with a slash now and then. */
const opaque = /(?:key|pass|password|secret|token|psk|uuid|auth|auth-str|username|name|tag|seed|short-?ids?)$/;

/** Which category a place has, by the names around it and the type beside it; each place is judged once. */
function categories(keys: ConfigKeys): (node: ConfigNode) => Category {
  const typedFiles = compileKeys(keys.files.filter((row) => typeof row !== 'string'));
  const notFiles = compileKeys(keys.notFiles);
  const files = compileKeys(keys.files);
  const programs = compileKeys(keys.programs);
  const known = new Map<string, Category>();
  const judge = ({ names, type }: ConfigNode): Category => {
    const name = names.at(-1) ?? '';
    if (programs(names, type)) return 'program';
    if (name === 'plugin-opts') return 'options';
    if (typedFiles(names, type)) return 'file';
    if (notFiles(names, type)) return 'not-file';
    if (files(names, type)) return 'file';
    return opaque.test(name) ? 'opaque' : 'unknown';
  };
  return (node) => {
    const key = `${node.type}\0\0${node.names.join('\0')}`;
    const category = known.get(key) ?? judge(node);
    if (known.size < maxKnown) known.set(key, category);
    return category;
  };
}

/** What a config that was read may not choose, each with its line in the text. Pure but for `realPath`. */
export function judgeConfig(
  engine: Engine,
  { document, text, format }: { readonly document: Document; readonly text: string; readonly format: ConfigFormat },
  scope: PolicyScope,
): readonly PolicyViolation[] {
  const found = judgeDocument(engine, document, scope);
  if (found.length === 0) return found;
  const lines = linesOf(
    text,
    format,
    found.map(({ path }) => path),
  );
  return found.map((violation) => ({ ...violation, line: lines.get(violation.path) ?? 0 }));
}

function judgeDocument(engine: Engine, document: Document, scope: PolicyScope): readonly PolicyViolation[] {
  const found: PolicyViolation[] = [];
  const categoryOf = categories(engine.keys);
  const inside = insideTest(scope);
  const judgeName = nameJudge(engine.keys);
  const whole = walkConfig(document, (node) => {
    if (found.length < maxViolations) found.push(...judgeName(node), ...judgeNode(node, categoryOf(node), inside));
  });
  if (!whole) found.push({ path: '', line: 0, rule: 'too_large', message: 'more values than any config has; its aliases multiply' });
  return [...found, ...engine.apis(document).flatMap(judgeApi)];
}

function nameJudge({ dotsArePaths, names }: ConfigKeys): (node: ConfigNode) => readonly PolicyViolation[] {
  const isNames = compileKeys(names);
  return ({ key, names: around, path }) => {
    if (dotsArePaths !== true || !key.includes('.') || isNames(around.slice(0, -1), '')) return [];
    const message = 'has a dot in its name, which the engine reads as a path: write the tables out';
    return [{ path: path(), line: 0, rule: 'hidden_key', message }];
  };
}

type Inside = (path: string) => 'inside' | 'outside' | 'reserved';

/** Both as written and with links followed: neither may lead out. */
function insideTest({ cwd, allowedDirs, reserved, realPath }: PolicyScope): Inside {
  const dirs = allowedDirs.map((dir) => resolve(dir));
  const realDirs = [...new Set([...dirs, ...dirs.map(realPath)])];
  const own = new Set([...reserved, ...reserved.map(realPath)]);
  const below = (path: string, within: readonly string[]): boolean =>
    within.some((dir) => path === dir || path.startsWith(dir === sep ? sep : dir + sep));
  return (written) => {
    // The engine puts in variables and homes: nobody can tell before what they hold.
    if (written.startsWith('~') || written.includes('$') || written.includes('\0')) return 'outside';
    const path = isAbsolute(written) ? resolve(written) : resolve(cwd, written);
    const real = realPath(path);
    if (!below(path, realDirs) || !below(real, realDirs)) return 'outside';
    return own.has(path) || own.has(real) ? 'reserved' : 'inside';
  };
}

function judgeNode(node: ConfigNode, category: Category, inside: Inside): readonly PolicyViolation[] {
  const { value } = node;
  const at = (): { readonly path: string; readonly line: 0 } => ({ path: node.path(), line: 0 });
  if (category === 'program' && isSet(value)) {
    if (node.path().endsWith(']')) return []; // the list was told
    const message = 'names a program, or what one is told: a config from outside may not; remove it, or set apply.policy: warn';
    return [{ ...at(), rule: 'program', message }];
  }
  return filesOf(value, category).flatMap((file): readonly PolicyViolation[] => {
    const where = inside(file);
    if (where === 'inside') return [];
    const shown = JSON.stringify(file.slice(0, 200));
    if (where === 'reserved')
      return [{ ...at(), rule: 'file_reserved', message: `${shown} is a file of the agent itself: name another one` }];
    const message = `${shown} is outside the directories that this unit allows: put it below one of them, or list its directory in apply.allowed_dirs`;
    return [{ ...at(), rule: 'file_outside', message }];
  });
}

/** Items of lists and values of tables are looked at by themselves. */
function filesOf(value: unknown, category: Category): readonly string[] {
  if (typeof value !== 'string') return [];
  switch (category) {
    case 'file':
      return certainFiles(value);
    case 'options':
      return pluginFiles(value);
    case 'program':
    case 'unknown':
      return apparentFiles(value);
    case 'not-file':
    case 'opaque':
      return [];
  }
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

function judgeApi({ path, address, guard, secret, origins }: EngineApi): readonly PolicyViolation[] {
  const found: PolicyViolation[] = [];
  if (address === undefined || !isLoopback(address)) {
    found.push({ path, line: 0, rule: 'api_public', message: 'opens an API of the engine to others: bind it to 127.0.0.1' });
  }
  if (guard === 'required' && secret.value.trim() === '') {
    found.push({
      path: secret.path,
      line: 0,
      rule: 'api_without_secret',
      message: 'is not given: any program and any web page could drive the engine; set one',
    });
  }
  if (guard === 'impossible') {
    found.push({
      path,
      line: 0,
      rule: 'api_without_secret',
      message: 'opens an API that knows no secret and that any web page can call: remove it',
    });
  }
  if (origins.values.includes('*')) {
    found.push({ path: origins.path, line: 0, rule: 'api_any_origin', message: 'lets every web page read the API: name the origins' });
  }
  return found;
}
