import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RefusedError } from '../kernel/errors.ts';
import { readDocument, refuse, type Tree } from './document.ts';

const directoryFiles = ['sboxagent.yaml', 'agent.yaml', 'api.yaml', 'plugins.yaml'];
const systemDirectory = '/etc/sboxagent';

/** The files to read: flag, $SBOXAGENT_CONFIG, ./sboxagent.yaml, /etc/sboxagent/, none. @throws RefusedError where a named one is missing. */
export function findFiles(options: {
  readonly configPath?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}): readonly string[] {
  const { configPath, env, cwd } = options;
  const named = configPath ?? (env['SBOXAGENT_CONFIG'] || undefined);
  if (named === undefined) {
    const local = join(cwd, 'sboxagent.yaml');
    if (existsSync(local)) return [local];
    return existsSync(systemDirectory) ? filesIn(systemDirectory) : [];
  }
  const path = resolve(cwd, named);
  if (!existsSync(path)) {
    throw new RefusedError(`${path}: there is no such file; correct ${configPath === undefined ? 'SBOXAGENT_CONFIG' : '--config'}`);
  }
  const files = filesIn(path);
  if (files.length === 0) throw new RefusedError(`${path}: none of ${directoryFiles.join(', ')} is in this directory; put one there`);
  return files;
}

function filesIn(path: string): readonly string[] {
  const { mode } = statSync(path);
  if (!statSync(path).isDirectory()) return [path];
  refuseWritable(path, mode);
  return directoryFiles.map((name) => join(path, name)).filter((file) => existsSync(file));
}

/** Reads the files; together they are one document, and each top-level key stands in one of them. @throws RefusedError */
export function readFiles(files: readonly string[]): readonly Tree[] {
  const seen = new Map<string, string>();
  return files.map((file) => {
    const tree = readDocument(readText(file, refuseWritable), file);
    for (const [name, entry] of tree.entries) {
      const other = seen.get(name);
      if (other !== undefined) throw refuse(entry, name, `stands in ${other} too; keep it in one file`);
      seen.set(name, file);
    }
    return tree;
  });
}

/** Reads a regular file as UTF-8 after `judge` saw its mode: of the opened file, so that nobody swaps it in between. @throws RefusedError */
export function readText(file: string, judge: (file: string, mode: number) => void): string {
  let fd: number | undefined;
  try {
    // A named pipe must not hold the start up.
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new RefusedError(`${file}: not a regular file; correct the path`);
    judge(file, stat.mode);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(fd));
  } catch (error) {
    if (error instanceof RefusedError) throw error;
    if (error instanceof TypeError) throw new RefusedError(`${file}: not UTF-8 text; save it as UTF-8`, { cause: error });
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new RefusedError(`${file}: cannot be read (${code}); give the user who runs this the right to read it`, { cause: error });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function refuseWritable(path: string, mode: number): void {
  if ((mode & 0o022) === 0) return;
  throw new RefusedError(
    `${path}: others may write to it (mode ${octal(mode)}), so they could run commands as the daemon; run chmod go-w ${path}`,
  );
}
