import { isAbsolute, resolve, sep } from 'node:path';
import { isLoopback } from './fields.ts';
import { compileKeys, type KeyTest } from './key-pattern.ts';
import { apparentFiles, certainFiles, pluginFiles } from './named-files.ts';
import type { ConfigFormat } from './read-config.ts';
import { linesOf, type ReadConfig, readConfig } from './read-config.ts';
import type { ConfigKeys, Document, Engine, EngineApi } from './types.ts';
import { type ConfigNode, walkConfig } from './walk.ts';

/** What a config that comes from outside must not choose. */
export type PolicyRule =
  | 'syntax'
  | 'duplicate_key'
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

interface Tests {
  readonly typedFiles: KeyTest;
  readonly notFiles: KeyTest;
  readonly files: KeyTest;
  readonly programs: KeyTest;
  readonly names: KeyTest;
}

function testsOf(keys: ConfigKeys): Tests {
  return {
    typedFiles: compileKeys(keys.files.filter((row) => typeof row !== 'string')),
    notFiles: compileKeys(keys.notFiles),
    files: compileKeys(keys.files),
    programs: compileKeys(keys.programs),
    names: compileKeys(keys.names),
  };
}

/** Judges a config as it came: whether it can be read within bounds, and what it may not choose. Pure but for `realPath`. */
export function judgeConfig(
  engine: Engine,
  content: { readonly text: string; readonly format?: ConfigFormat },
  scope: PolicyScope,
): readonly PolicyViolation[] {
  const config = readConfig(engine, content.text, content.format);
  if (!config.ok) return [faultOf(config)];
  const found = judgeDocument(engine, config.document, scope).slice(0, maxViolations);
  const lines = linesOf(
    content.text,
    config.format,
    found.map((violation) => violation.path),
  );
  return found.map((violation) => ({ ...violation, line: lines.get(violation.path) ?? 0 }));
}

function faultOf({ fault }: Extract<ReadConfig, { ok: false }>): PolicyViolation {
  return fault;
}

/** Judges a config that was read. */
export function judgeDocument(engine: Engine, document: Document, scope: PolicyScope): readonly PolicyViolation[] {
  const found: PolicyViolation[] = [];
  const tests = testsOf(engine.keys);
  const inside = insideTest(scope);
  const whole = walkConfig(document, (node) => {
    if (found.length < maxViolations) found.push(...judgeNode(node, tests, inside));
  });
  if (!whole) found.push({ path: '', line: 0, rule: 'too_large', message: 'more values than any config has; its aliases multiply' });
  return [...found, ...engine.apis(document).flatMap(judgeApi)];
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

function judgeNode(node: ConfigNode, tests: Tests, inside: Inside): readonly PolicyViolation[] {
  const { names, type, value } = node;
  const at = (): { readonly path: string; readonly line: 0 } => ({ path: node.path(), line: 0 });
  if (tests.programs(names, type) && isSet(value)) {
    if (node.path().endsWith(']')) return []; // the list was told
    return [
      {
        ...at(),
        rule: 'program',
        message: 'names a program, or what one is told: a config from outside may not; remove it, or set apply.policy: warn',
      },
    ];
  }
  const listed = Array.isArray(value) || (typeof value === 'object' && value !== null);
  if (listed) return [];
  return filesOf(node, tests).flatMap((file): readonly PolicyViolation[] => {
    const where = inside(file);
    if (where === 'inside') return [];
    const shown = JSON.stringify(file.slice(0, 200));
    if (where === 'reserved')
      return [{ ...at(), rule: 'file_reserved', message: `${shown} is a file of the agent itself: name another one` }];
    return [
      {
        ...at(),
        rule: 'file_outside',
        message: `${shown} is outside the directories that this unit allows: put it below one of them, or list its directory in apply.allowed_dirs`,
      },
    ];
  });
}

/** Names of what is no path, however it looks: keys in base64 begin with a slash now and then. */
const opaque = /(?:key|pass|password|secret|token|psk|uuid|auth|auth-str|username|name|tag|seed|short-?ids?)$/;

function filesOf({ names, type, value }: ConfigNode, tests: Tests): readonly string[] {
  if (names.at(-1) === 'plugin-opts') return pluginFiles(value);
  if (tests.typedFiles(names, type)) return certainFiles(value);
  if (tests.notFiles(names, type)) return [];
  if (tests.files(names, type)) return certainFiles(value);
  return opaque.test(names.at(-1) ?? '') ? [] : apparentFiles(value);
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
