import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';

/** As many as Linux follows. */
const maxLinks = 40;

/**
 * Where an absolute path leads when every link on its way is followed, also one that leads to nothing yet (a program that creates the
 * file would follow it). What does not exist stands as written. Links in a circle lead to `/`, which nobody allows.
 */
export function realPathOf(path: string): string {
  let links = 0;
  let done = '/';
  let rest = resolve(path)
    .split(sep)
    .filter((part) => part !== '');
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    const next = done === '/' ? `/${part}` : `${done}/${part}`;
    const target = linkTarget(next);
    if (target === undefined) done = next;
    else if (++links > maxLinks) return '/';
    else {
      rest = [
        ...resolve(dirname(next), target)
          .split(sep)
          .filter((one) => one !== ''),
        ...rest,
      ];
      done = '/';
    }
  }
  return done;
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined; // it does not exist, or nobody may look: then the engine may not either
  }
}
