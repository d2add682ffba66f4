/**
 * Puts the daemon and the client together in few files, `dist/` below the project: `node deploy/package/bundle.ts`. A daemon is a thousand
 * modules; to load each by itself is a third of the work of its start and a sixth of its memory. What is loaded late, and what runs in
 * threads, stays a file of its own. src/bundled.ts says when a start takes a bundle.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Plugin, PluginContext } from 'rolldown';
import { type BundleName, bundleDirectory, type Inputs, inputsFile, isFresh, packagesFile, stampOf } from '../../src/bundled.ts';

const root = join(import.meta.dirname, '../..');

/** Where each begins: the module, and the program that Node starts and that opens the bundle. */
const entries: Readonly<Record<BundleName, Readonly<Record<string, string>>>> = {
  daemon: { main: 'src/app/main.ts', start: 'src/start-daemon.ts' },
  client: { main: 'src/client.ts', start: 'src/start-client.ts' },
};
/** The opener of a bundle, for what Node starts by itself: threads. */
const opener = { module: 'src/chunks.ts', fileName: 'chunks.cjs' };
/** What each command needs: one file of it is loaded sooner than ten. */
const base =
  /\/commander\/|\/src\/(?:cli\/(?:specs\/|(?:command-table|command-spec|common-options|complaint|escape|failure|io|output|program)\.ts)|kernel\/(?:clock|output)\.ts)/;

/** What makes a bundle has a part in what it is. */
const ownFile = relative(root, import.meta.filename);
const names: readonly BundleName[] = ['daemon', 'client'];

/** What code names by its address, each in its own way: a thread, a module, what is loaded late, what a variable names; and every other own address. */
const addresses =
  /new Worker\(new URL\('(?<thread>\.{1,2}\/[^']+)\.ts', import\.meta\.url\)|new URL\('(?<url>\.{1,2}\/[^']+)\.ts', import\.meta\.url\)|late<[^()]*\([^()]*\)>\(import\.meta, '(?<late>[^']+)'\)|await import\((?<dynamic>[a-z]\w*)\)|import\.meta\.url/g;

/** `store-worker.cjs` of src/store/worker, `diff.cjs` of the package: all files of a bundle lie beside each other. */
function fileNameOf(module: string): string {
  const name = module.startsWith(root) ? relative(join(root, 'src'), module) : module;
  return `${name.replace(/\.ts$/, '').replaceAll('/', '-').replace('@', '')}.cjs`;
}

/** Node starts a thread from a file: this one opens the bundle, so that the thread too has the code that an earlier one compiled. */
function startThread(plugin: PluginContext, chunk: string): string {
  const fileName = chunk.replace(/^\.\/(.*)\.cjs$/, '$1-start.cjs');
  plugin.emitFile({ type: 'asset', fileName, source: `require('./${opener.fileName}').startThread(__dirname, '${chunk}');\n` });
  return `./${fileName}`;
}

/** In the bundle a module stands elsewhere: code that it names by address leads into the bundle, and what else it finds by its own address is found as before. */
const moved: Plugin = {
  name: 'moved modules',
  transform(code, id) {
    const path = relative(root, id);
    if (!path.startsWith('src/') || !/import\.meta|await import\(/.test(code)) return undefined;
    const emit = (specifier: string): string => {
      const module = specifier.startsWith('.') ? resolve(dirname(id), specifier) : specifier;
      const fileName = fileNameOf(module);
      this.emitFile({ type: 'chunk', id: module, importer: id, fileName });
      return `./${fileName}`;
    };
    const replaced = code.replaceAll(addresses, (...match) => {
      const { thread, url, late, dynamic } = match.at(-1) as Partial<Record<'thread' | 'url' | 'late' | 'dynamic', string>>;
      if (thread !== undefined) {
        this.emitFile({ type: 'chunk', id: join(root, opener.module), fileName: opener.fileName });
        return `new Worker(new URL('${startThread(this, emit(`${thread}.ts`))}', import.meta.url)`;
      }
      if (url !== undefined) return `new URL('${emit(`${url}.ts`)}', import.meta.url)`;
      if (late !== undefined) return `(() => module.require('${emit(late)}'))`;
      if (dynamic !== undefined) return `module.require(globalThis.process.getBuiltinModule('node:url').fileURLToPath(${dynamic}))`;
      return `new URL('../../${path.replace(/\.ts$/, '.js')}', import.meta.url).href`;
    });
    return { code: replaced, map: null };
  },
};

interface Amendment {
  /** Below node_modules. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * What packages do at each start and nobody here needs. The parser of commands loads what starts programs; the logger asks who called it, by a
 * stack for which V8 reads the callers' sources again; and descriptors are put into a registry for each file, all that it imports with it.
 */
const amendments: readonly Amendment[] = [
  {
    file: 'commander/lib/command.js',
    from: "import childProcess from 'node:child_process';",
    to: "const childProcess = { get spawn() { return globalThis.process.getBuiltinModule('node:child_process').spawn; } };",
  },
  {
    file: '@bufbuild/protobuf/dist/esm/registry.js',
    from: '    const registry = createBaseRegistry();\n    if (!args.length)',
    to: '    const registry = check === undefined ? (embedded ??= createBaseRegistry()) : createBaseRegistry();\n    if (!args.length)',
  },
  {
    file: '@bufbuild/protobuf/dist/esm/registry.js',
    from: 'if (registry.getFile(protoFileName) != undefined) {',
    to: 'if (registry.getFile(protoFileName) != undefined && (check || registry.getFile(protoFileName) === resolve(protoFileName))) {',
  },
  {
    file: '@bufbuild/protobuf/dist/esm/registry.js',
    from: 'function buildFileRegistry(',
    to: 'let embedded;\nfunction buildFileRegistry(',
  },
  { file: 'pino/pino.js', from: 'normalize(instance, caller(), ...args)', to: 'normalize(instance, [], ...args)' },
];

const amended: Plugin = {
  name: 'amended packages',
  transform(code, id) {
    const found = amendments.filter(({ file }) => id.endsWith(`/node_modules/${file}`));
    if (found.length === 0) return undefined;
    return { code: found.reduce(amend, code), map: null };
  },
};

function amend(code: string, { file, from, to }: Amendment): string {
  if (!code.includes(from)) throw new Error(`${file} is another: it has no \`${from}\``);
  return code.replace(from, () => to);
}

/** One letter beyond ASCII makes Node hold the text of its whole file with two bytes a letter: such letters are written as their escapes. */
function escapeLetters(code: string): string {
  return code.replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function finish(path: string): void {
  writeFileSync(path, escapeLetters(readFileSync(path, 'utf8')));
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
    input: Object.fromEntries(Object.entries(entries[name]).map(([file, path]) => [file, join(root, path)])),
    platform: 'node',
    plugins: [moved, amended],
    onLog: (level, { message }) => void (level === 'warn' && process.stderr.write(`bundle: ${message}\n`)),
  });
  try {
    const { output } = await made.write({
      dir: directory,
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name]-[hash].cjs',
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
