import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from '../../kernel/atomic-file.ts';

/** Makes a directory (0700) with those above it; every new level is flushed with the one above, so that it does not vanish with the power. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) syncDirectory(dirname(at));
}
