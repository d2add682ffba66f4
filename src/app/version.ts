import { readFileSync } from 'node:fs';

export interface ProgramVersion {
  /** SemVer, from package.json. */
  readonly version: string;
  /** Source revision; empty when it is not known. */
  readonly commit: string;
}

const root = new URL('../../', import.meta.url);

function headCommit(): string {
  const read = (path: string): string => readFileSync(new URL(path, root), 'utf8').trim();
  try {
    const head = read('.git/HEAD');
    return head.startsWith('ref: ') ? read(`.git/${head.slice(5)}`) : head;
  } catch {
    return '';
  }
}

export function programVersion(): ProgramVersion {
  // A package has the commit that it was made of.
  const manifest: { readonly version: string; readonly gitHead?: string } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  return { version: manifest.version, commit: manifest.gitHead ?? headCommit() };
}
