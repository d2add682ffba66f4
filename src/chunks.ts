/**
 * Loads the files of a bundle (deploy/package/bundle.ts), each with the code that an earlier run compiled of it. Node's own cache holds what V8
 * compiles of a file before it runs: most functions are compiled when they are first called, in each start anew. What is kept here is taken
 * when a start is over and has them. A code that is not there, or that another Node made, is made again.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, getCompileCacheDir } from 'node:module';
import { join } from 'node:path';
import { constants, Script } from 'node:vm';
import { crc32 } from 'node:zlib';

export interface Bundle {
  /** A file's exports, by its name: `./main.cjs`. */
  readonly load: (name: string) => unknown;
  /** Writes down the code that was missing. It must not be made before the start is over, which decides what it holds. */
  readonly keepCode: () => void;
}

/** How the functions of CommonJS are made; on the first line, so that lines and columns stay. */
const head = '(function (exports, require, module, __filename, __dirname) { "use strict"; ';
const tail = '\n})';
/** Before a code stands its sum; of eight bytes, since V8 wants the code where a word begins. */
const sumBytes = 8;
/** A thread does not know when the agent's start is over: it has done its part by then. */
const threadStartMs = 1000;

type Compiled = (exports: unknown, require: (id: string) => unknown, module: unknown, filename: string, directory: string) => void;

/** Opens the bundle in a directory. */
export function openBundle(directory: string): Bundle {
  const loaded = new Map<string, { exports: unknown; readonly require: (id: string) => unknown }>();
  const outside = createRequire(join(directory, 'main.cjs'));
  const code = openCode(directory);
  const load = (path: string): unknown => {
    const known = loaded.get(path);
    if (known !== undefined) return known.exports;
    const module = { exports: {}, require };
    loaded.set(path, module);
    (code.compile(path) as Compiled)(module.exports, require, module, path, directory);
    return module.exports;
  };
  function require(id: string): unknown {
    if (id.startsWith('./')) return load(join(directory, id));
    if (id.startsWith(directory)) return load(id);
    return process.getBuiltinModule(id) ?? outside(id);
  }
  return { load: require, keepCode: code.keep };
}

/** Starts a thread from a file of the bundle. */
export function startThread(directory: string, name: string): void {
  const { load, keepCode } = openBundle(directory);
  load(name);
  setTimeout(keepCode, threadStartMs).unref();
}

interface Code {
  readonly compile: (path: string) => unknown;
  readonly keep: () => void;
}

/** The code of a bundle's files: in a directory of its own below Node's cache of compiled code, where that is in use. */
function openCode(directory: string): Code {
  const cache = getCompileCacheDir();
  const kept = cache === undefined ? undefined : join(cache, directory.replaceAll('/', '!'));
  const missing = new Map<string, Script>();
  let flags: number | undefined;
  return {
    compile(path) {
      const name = codeName(directory, path.slice(directory.length + 1));
      const cachedData = kept === undefined ? undefined : readCode(join(kept, name));
      const script = new Script(head + readFileSync(path, 'latin1') + tail, {
        filename: path,
        cachedData,
        importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      });
      if (cachedData === undefined || script.cachedDataRejected === true) {
        missing.set(name, script);
        flags ??= flagsOfV8();
      }
      return script.runInThisContext();
    },
    keep() {
      // With other flags than it will be loaded with, V8 would refuse it.
      if (kept === undefined || missing.size === 0 || flags !== flagsOfV8()) return;
      try {
        write(kept, missing);
        removeOld(kept, directory);
      } catch {
        // The next start takes longer, and is the same.
      }
      missing.clear();
    },
  };
}

/** undefined where it is not there or not as it was written: V8 believes what it is given, and would run a damaged code. */
function readCode(path: string): Buffer | undefined {
  try {
    const kept = readFileSync(path);
    const code = kept.subarray(sumBytes);
    return kept.readUInt32LE() === crc32(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

function writeCode(path: string, code: Buffer): void {
  const sum = Buffer.alloc(sumBytes);
  sum.writeUInt32LE(crc32(code));
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, Buffer.concat([sum, code]), { mode: 0o600 });
  renameSync(fresh, path);
}

/** Loaded only where it is asked for: it takes a millisecond. */
function flagsOfV8(): number {
  return process.getBuiltinModule('node:v8').cachedDataVersionTag();
}

/** Of a file as it is: V8 itself looks at no more than the length of a source. Empty where there is no such file. */
function codeName(directory: string, file: string): string {
  const found = statSync(join(directory, file), { throwIfNoEntry: false });
  return found === undefined ? '' : `${file}.${found.size}.${Math.round(found.mtimeMs * 1000)}`;
}

function write(kept: string, scripts: ReadonlyMap<string, Script>): void {
  mkdirSync(kept, { recursive: true, mode: 0o700 });
  for (const [name, script] of scripts) writeCode(join(kept, name), script.createCachedData());
}

/** What was kept of files that are others now. */
function removeOld(kept: string, directory: string): void {
  for (const name of readdirSync(kept)) {
    const file = name.replace(/\.cjs\..*$/, '.cjs');
    if (codeName(directory, file) !== name) rmSync(join(kept, name), { force: true });
  }
}
