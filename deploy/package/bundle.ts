/**
 * Puts the daemon together in few files, `dist/` below the project: `node deploy/package/bundle.ts`. A daemon is a thousand modules; to load
 * each by itself is a third of the work of its start and a sixth of its memory. What is loaded late, and what runs in threads, stays a file
 * of its own. src/bundled.ts says when a start takes it.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Plugin } from 'rolldown';
import { bundleDirectory, type Inputs, inputsFile, isFresh, packagesFile, stampOf } from '../../src/bundled.ts';

const root = join(import.meta.dirname, '../..');

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
      return `new URL('../${path.replace(/\.ts$/, '.js')}', import.meta.url).href`;
    });
    return { code: replaced, map: null };
  },
};

/** One letter beyond ASCII makes Node hold the text of its whole file with two bytes a letter: such letters are written as their escapes. */
function escapeLetters(path: string): void {
  const code = readFileSync(path, 'utf8');
  const plain = code.replaceAll(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (plain !== code) writeFileSync(path, plain);
}

/** Of the files that a bundle was made of: those of packages by the file that names them all. */
function inputsOf(modules: readonly string[]): Inputs {
  const own = modules.map((id) => relative(root, id)).filter((path) => /^(?:src|gen)\//.test(path));
  return Object.fromEntries([...new Set([...own, packagesFile])].map((path) => [path, stampOf(join(root, path))]));
}

/** Makes the bundle in `directory`; answers what it was made of. */
export async function bundle(directory: string): Promise<Inputs> {
  const { rolldown } = await import('rolldown');
  const made = await rolldown({
    input: { serve: join(root, 'src/app/main.ts') },
    platform: 'node',
    plugins: [moved],
    onLog: (level, { message }) => void (level === 'warn' && process.stderr.write(`bundle: ${message}\n`)),
  });
  try {
    const { output } = await made.write({
      dir: directory,
      format: 'es',
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
      // Nobody reads them there, and they lie in memory with the rest.
      comments: false,
    });
    for (const { fileName } of output) escapeLetters(join(directory, fileName));
    return inputsOf(output.flatMap(({ moduleIds = [] }) => moduleIds));
  } finally {
    await made.close();
  }
}

/** Makes the checkout's own, where it is not fresh: beside the old one, which a start may be reading. */
async function refresh(): Promise<void> {
  if (isFresh(root)) return;
  const target = join(root, bundleDirectory);
  const fresh = `${target}.${process.pid}`;
  mkdirSync(fresh);
  try {
    writeFileSync(join(fresh, inputsFile), JSON.stringify(await bundle(fresh)));
    rmSync(target, { recursive: true, force: true });
    renameSync(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  try {
    await refresh();
  } catch (error) {
    // Slower, and the same: a platform that rolldown does not know runs the sources.
    process.stderr.write(`bundle: none is made, the daemon runs from its sources: ${error instanceof Error ? error.message : error}\n`);
  }
}
