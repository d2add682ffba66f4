/**
 * Remembers from start to start which file a specifier of a package leads to. To find that out for the thousand modules of a daemon (links,
 * package.json files, their exports) costs a sixth of its start. Kept beside the compiled code, for one state of node_modules, and only
 * where there is such a place; an entry whose file is gone counts for nothing.
 */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { getCompileCacheDir, type ResolveFnOutput, type ResolveHookContext, registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Entry = readonly [url: string, format: string];
type Known = Record<string, unknown>;

/** Formats whose text is a module; JSON and native ones keep their own way. */
const plain = new Set(['module', 'commonjs', 'module-typescript']);

/** From here on `import` asks the memory first. `root` is the project's directory. */
export function rememberResolutions(root: string): void {
  const file = memoryFile(root);
  if (file === undefined) return;
  const known = read(file);
  let fresh = false;
  registerHooks({
    resolve(specifier, context, next) {
      const key = keyOf(specifier, context);
      if (key === undefined) return next(specifier, context);
      const found = usable(known[key]);
      if (found !== undefined) return { url: found[0], format: found[1], shortCircuit: true };
      const resolved = next(specifier, context);
      if (isPlain(resolved)) {
        known[key] = [resolved.url, resolved.format ?? ''];
        fresh = true;
      }
      return resolved;
    },
  });
  process.on('exit', () => {
    if (fresh) save(file, known);
  });
}

/** One for each state of the packages: another one leads elsewhere. Undefined where nothing is kept, or nothing is known of the packages. */
function memoryFile(root: string): string | undefined {
  const directory = getCompileCacheDir();
  const installed = statSync(join(root, 'node_modules/.package-lock.json'), { throwIfNoEntry: false });
  if (directory === undefined || installed === undefined) return undefined;
  const state = createHash('sha256').update(`${root} ${installed.mtimeMs} ${installed.size} ${process.version}`).digest('hex');
  return join(directory, `resolutions-${state.slice(0, 16)}.json`);
}

/** Undefined for what is not remembered: built-in modules, `require`, imports with attributes, what no file asks for. */
function keyOf(specifier: string, { parentURL, conditions, importAttributes }: ResolveHookContext): string | undefined {
  if (specifier.startsWith('node:') || parentURL === undefined || !parentURL.startsWith('file:')) return undefined;
  if (!conditions.includes('import') || Object.keys(importAttributes).length > 0) return undefined;
  return `${parentURL.slice(0, parentURL.lastIndexOf('/'))} ${specifier}`;
}

function isPlain({ url, format, importAttributes }: ResolveFnOutput): boolean {
  return url.startsWith('file:') && plain.has(format ?? '') && Object.keys(importAttributes ?? {}).length === 0;
}

/** Whatever stands in the file: what leads to no file of a plain format is looked up anew. */
function usable(entry: unknown): Entry | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [url, format]: unknown[] = entry;
  if (typeof url !== 'string' || typeof format !== 'string' || !url.startsWith('file:///') || !plain.has(format)) return undefined;
  return isFile(url) ? [url, format] : undefined;
}

function isFile(url: string): boolean {
  try {
    return statSync(fileURLToPath(url), { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

function read(file: string): Known {
  try {
    const known: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof known === 'object' && known !== null && !Array.isArray(known) ? (known as Known) : {};
  } catch {
    return {};
  }
}

/** Whole or not at all: several programs may end at once. */
function save(file: string, known: Known): void {
  try {
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(known), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    // A memory that cannot be kept costs the next start its time, and nothing else.
  }
}
