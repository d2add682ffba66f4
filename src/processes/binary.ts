import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The absolute path that a name stands for: looked up on `path` where it has no slash. Undefined when there is none. */
export function findBinary(name: string, path: string, cwd: string): string | undefined {
  if (name.includes('/')) {
    const absolute = resolve(cwd, name);
    return isExecutableFile(absolute) ? absolute : undefined;
  }
  return path
    .split(delimiter)
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory}/${name}`)
    .find(isExecutableFile);
}
