import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RefusedError } from '../kernel/errors.ts';
import { FileFault, readRegularFile } from '../kernel/regular-file.ts';
import { readDocument } from './document.ts';
import { type Place, type Problems, refuse, syntax } from './problems.ts';
import type { Tree } from './tree.ts';

const directoryFiles = ['sboxagent.yaml', 'agent.yaml', 'api.yaml', 'plugins.yaml'];
const systemDirectory = '/etc/sboxagent';

/** Where configuration is looked for. */
export interface FileOptions {
  /** `--config`: a file, or a directory. */
  readonly configPath?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Absolute path -> text that stands in for what is on disk, there or not: a candidate that is judged before it is written. */
  readonly texts?: ReadonlyMap<string, string>;
}

/** The files to read: flag, $SBOXAGENT_CONFIG, ./sboxagent.yaml, /etc/sboxagent/, none. @throws RefusedError where a named one is missing. */
export function configFiles(options: FileOptions): readonly string[] {
  const { configPath, env, cwd } = options;
  const named = configPath ?? (env['SBOXAGENT_CONFIG'] || undefined);
  if (named === undefined) {
    const local = join(cwd, 'sboxagent.yaml');
    return isThere(local, options) ? [local] : filesIn(systemDirectory, options);
  }
  const path = resolve(cwd, named);
  const at = { file: path, line: 0 };
  const files = filesIn(path, options);
  if (files.length > 0) return files;
  if (existsSync(path)) throw refuse(at, '', `none of ${directoryFiles.join(', ')} is in this directory; put one there`);
  throw refuse(at, '', `there is no such file; correct ${configPath === undefined ? 'SBOXAGENT_CONFIG' : '--config'}`);
}

function isThere(file: string, { texts }: FileOptions): boolean {
  return texts?.has(file) === true || existsSync(file);
}

/** The path itself where it is a file, else those of our names that are in the directory. */
function filesIn(path: string, options: FileOptions): readonly string[] {
  const stat = existsSync(path) ? statSync(path) : undefined;
  if (options.texts?.has(path) || stat?.isDirectory() === false) return [path];
  if (stat !== undefined) refuseWritable(path, stat.mode);
  return directoryFiles.map((name) => join(path, name)).filter((file) => isThere(file, options));
}

/** Reads the files; together they are one document, and each top-level key stands in one of them. */
export function readFiles(files: readonly string[], texts: FileOptions['texts'], problems: Problems): readonly Tree[] {
  const seen = new Map<string, string>();
  return files.flatMap((file) => {
    const text = problems.attempt(() => texts?.get(file) ?? readConfigFile(file));
    const tree = text === undefined ? undefined : readDocument(text, file, problems);
    if (tree === undefined) return [];
    const own = [...tree.entries].filter(([name, entry]) => {
      const other = seen.get(name);
      if (other !== undefined) problems.add(refuse(entry, name, syntax(`stands in ${other} too; keep it in one file`)));
      seen.set(name, other ?? file);
      return other === undefined;
    });
    return [{ ...tree, entries: new Map(own) }];
  });
}

/** The text of a configuration file. @throws RefusedError where it cannot be read, or others may write to it. */
export function readConfigFile(file: string): string {
  return readText(file, refuseWritable);
}

/** `judge` sees the mode of the opened file. @throws RefusedError */
function readText(file: string, judge: (file: string, mode: number) => void): string {
  const at = { file, line: 0 };
  try {
    return readRegularFile(file, ({ mode }) => judge(file, mode));
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    if (error instanceof FileFault) {
      throw refuse(at, '', error.kind === 'not_utf8' ? syntax('not UTF-8 text; save it as UTF-8') : 'not a regular file; correct the path');
    }
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw refuse(at, '', `cannot be read (${code}); give the user who runs this the right to read it`);
  }
}

/** The secret that a file holds. @throws RefusedError of the key that names it, where the file is missing, unreadable or open to others. */
export function secretOf(file: string, key: { readonly at: Place; readonly path: string }): string {
  const { at, path } = key;
  if (!existsSync(file)) throw refuse(at, path, `${file} is not there; make it, or remove the key`);
  const text = readText(file, (_, mode) => {
    if ((mode & 0o077) !== 0) throw refuse(at, path, `${file} is open to others (mode ${octal(mode)}); run chmod 600 ${file}`);
  });
  return text.trim();
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function refuseWritable(path: string, mode: number): void {
  if ((mode & 0o022) === 0) return;
  const message = `others may write to it (mode ${octal(mode)}), so they could run commands as the daemon; run chmod go-w ${path}`;
  throw refuse({ file: path, line: 0 }, '', message);
}
