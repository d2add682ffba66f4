/**
 * Puts the daemon and the client together in few files, `dist/` below the project: `node deploy/package/bundle.ts`. A daemon is a thousand
 * modules; to load each by itself is a third of the work of its start and a sixth of its memory. What is loaded late, and what runs in
 * threads, stays a file of its own. src/bundled.ts says when a start takes a bundle.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import type { Plugin } from 'rolldown';
import { type BundleName, bundleDirectory, entryFile, type Inputs, inputsFile, isFresh, packagesFile, stampOf } from '../../src/bundled.ts';

const root = join(import.meta.dirname, '../..');

/** Where each begins. */
const entries: Readonly<Record<BundleName, string>> = { daemon: 'src/app/main.ts', client: 'src/client.ts' };
/** What each command needs: one file of it is loaded sooner than ten. */
const base =
  /\/commander\/|\/src\/(?:cli\/(?:specs\/|(?:command-table|command-spec|common-options|complaint|escape|failure|io|output|program)\.ts)|kernel\/(?:clock|output)\.ts)/;

/** What makes a bundle has a part in what it is. */
const ownFile = relative(root, import.meta.filename);
const names: readonly BundleName[] = ['daemon', 'client'];

/** Modules that code names by their address, `new URL('./worker.ts', import.meta.url)` and `late<…>(import.meta, './x.ts')`; and every other own address. */
const addresses =
  /new URL\('(?<url>\.{1,2}\/[^']+)\.ts', import\.meta\.url\)|(?<late>late<[^()]*\([^()]*\)>)\(import\.meta, '(?<path>\.{1,2}\/[^']+)\.ts'\)|import\.meta\.url/g;

/** `store-worker.js` of src/store/worker: all files of a bundle lie beside each other. */
function fileNameOf(module: string): string {
  return `${relative(join(root, 'src'), module).replaceAll('/', '-')}.js`;
}

/** In the bundle a module stands elsewhere: code that it names by address leads into the bundle, and what else it finds by its own address is found as before. */
const moved: Plugin = {
  name: 'moved modules',
  transform(code, id) {
    const path = relative(root, id);
    if (!path.startsWith('src/') || !code.includes('import.meta')) return undefined;
    const emit = (specifier: string): string => {
      const module = resolve(dirname(id), specifier);
      this.emitFile({ type: 'chunk', id: `${module}.ts`, fileName: fileNameOf(module) });
      return `./${fileNameOf(module)}`;
    };
    const replaced = code.replaceAll(addresses, (...match) => {
      const { url, late, path: specifier } = match.at(-1) as Partial<Record<'url' | 'late' | 'path', string>>;
      if (url !== undefined) return `new URL('${emit(url)}', import.meta.url)`;
      if (specifier !== undefined) return `${late}(import.meta, '${emit(specifier)}')`;
      return `new URL('../../${path.replace(/\.ts$/, '.js')}', import.meta.url).href`;
    });
    return { code: replaced, map: null };
  },
};

/** The parser of commands can start programs, and ours never does: what Node has for that is loaded should it ever want to. */
const lateChildren: Plugin = {
  name: 'late child processes',
  transform(code, id) {
    if (!id.endsWith('/node_modules/commander/lib/command.js')) return undefined;
    const late = "const childProcess = { get spawn() { return globalThis.process.getBuiltinModule('node:child_process').spawn; } };";
    return { code: code.replace("import childProcess from 'node:child_process';", late), map: null };
  },
};

/** As rolldown writes them, a line each: default, namespace, names. */
const imports = /^import (?:(?<whole>[\w$]+)|\* as (?<all>[\w$]+))?(?:, )?(?:\{ (?<names>[^}]+) \})? ?(?:from )?"(?<module>[^"]+)";$/gm;

/**
 * A module of Node's own is asked for, and not imported: an import reads every name that the module exports, and loads with them what stands
 * behind each: the promises of `fs`, the web's cryptography, and with `http` the whole of fetch.
 */
function askForBuiltins(code: string): string {
  return code.replaceAll(imports, (line, ...match) => {
    const { whole, all, names, module } = match.at(-1) as Partial<Record<'whole' | 'all' | 'names' | 'module', string>>;
    if (module === undefined || !isBuiltin(module)) return line;
    const wanted = [whole, all, names !== undefined && `{ ${names.replaceAll(/([\w$]+) as /g, '$1: ')} }`].filter(Boolean);
    return wanted.map((target) => `const ${target} = globalThis.process.getBuiltinModule("${module}");`).join(' ');
  });
}

/** One letter beyond ASCII makes Node hold the text of its whole file with two bytes a letter: such letters are written as their escapes. */
function escapeLetters(code: string): string {
  return code.replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function finish(path: string): void {
  writeFileSync(path, escapeLetters(askForBuiltins(readFileSync(path, 'utf8'))));
}

/** Of the files that a bundle was made of: those of packages by the file that names them all. */
function inputsOf(modules: readonly string[]): Inputs {
  const own = modules.map((id) => relative(root, id)).filter((path) => /^(?:src|gen)\//.test(path));
  return Object.fromEntries([...new Set([...own, ownFile, packagesFile])].map((path) => [path, stampOf(join(root, path))]));
}

/** Makes a bundle in `directory`; answers what it was made of. */
async function bundle(name: BundleName, directory: string): Promise<Inputs> {
  const { rolldown } = await import('rolldown');
  const made = await rolldown({
    input: { main: join(root, entries[name]) },
    platform: 'node',
    plugins: [moved, lateChildren],
    onLog: (level, { message }) => void (level === 'warn' && process.stderr.write(`bundle: ${message}\n`)),
  });
  try {
    const { output } = await made.write({
      dir: directory,
      format: 'es',
      entryFileNames: entryFile,
      chunkFileNames: '[name]-[hash].js',
      // Nobody reads them there, and they lie in memory with the rest.
      comments: false,
      codeSplitting: { groups: name === 'client' ? [{ name: 'base', test: base }] : [] },
    });
    for (const { fileName } of output) finish(join(directory, fileName));
    return inputsOf(output.flatMap(({ moduleIds = [] }) => moduleIds));
  } finally {
    await made.close();
  }
}

/** The bundles of a package, below its directory. Nobody edits what is shipped: they are fresh whatever the files say. */
export async function bundleFor(shipped: string): Promise<void> {
  for (const name of names) {
    const directory = bundleDirectory(shipped, name);
    await bundle(name, directory);
    writeFileSync(join(directory, inputsFile), '{}');
  }
}

/** Makes the checkout's own, where they are not fresh: beside the old one, which a start may be reading. */
async function refresh(name: BundleName): Promise<void> {
  if (isFresh(root, name)) return;
  const target = bundleDirectory(root, name);
  const fresh = `${target}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    writeFileSync(join(fresh, inputsFile), JSON.stringify(await bundle(name, fresh)));
    rmSync(target, { recursive: true, force: true });
    renameSync(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  try {
    for (const name of names) await refresh(name);
  } catch (error) {
    // Slower, and the same: a platform that rolldown does not know runs the sources.
    process.stderr.write(`bundle: none is made, the sources are run: ${error instanceof Error ? error.message : error}\n`);
  }
}
