import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A small file system of its own below `dir`; undefined (and the test skipped) where mounting is not permitted. */
export function smallDisk(t: TestContext, dir: string): { readonly dir: string; [Symbol.dispose](): void } | undefined {
  const point = join(dir, 'disk');
  mkdirSync(point);
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', point], { encoding: 'utf8' });
  if (status === 0) return { dir: point, [Symbol.dispose]: () => void spawnSync('umount', [point]) };
  t.skip(`a file system cannot be mounted here: ${error?.message ?? stderr.trim()}`);
  return undefined;
}
