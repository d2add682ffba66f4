import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './daemon.ts';

/** The commands of a section of a page of docs/, block by block. */
export function blocksOf(page: string, title: string): string[] {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(title));
  return [...(section ?? '').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
}
