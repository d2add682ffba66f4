import { readFileSync } from 'node:fs';
import type { Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { print } from '../output.ts';

const root = new URL('../../../', import.meta.url);

/** The first of the files that is there; empty when none is. */
function read(...paths: readonly string[]): string {
  for (const path of paths) {
    try {
      return readFileSync(new URL(path, root), 'utf8').trim();
    } catch {
      // Not there: the next.
    }
  }
  return '';
}

/** The commit of a checkout; empty elsewhere. */
function commitOf(): string {
  const head = read('.git/HEAD');
  if (!head.startsWith('ref: ')) return head;
  const ref = head.slice('ref: '.length);
  const packed = read('.git/packed-refs').split('\n');
  return read(`.git/${ref}`) || (packed.find((line) => line.endsWith(` ${ref}`))?.split(' ')[0] ?? '');
}

export const version: Handler = async (context) => {
  const manifest: { readonly version: string; readonly gitHead?: string } = JSON.parse(read('package.json'));
  const commit = manifest.gitHead ?? commitOf();
  const data = { version: manifest.version, ...(commit === '' ? {} : { commit }), node: process.versions.node };
  await print(context, data, () => `sboxagent ${data.version}${commit === '' ? '' : ` (${commit.slice(0, 12)})`}, Node ${data.node}\n`);
  return EXIT.done;
};
