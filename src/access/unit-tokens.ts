import { createHmac, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Principal } from '../kernel/principal.ts';
import { readPrivate, writePrivate } from './token-file.ts';

/** Tokens of the units that are plugins: each speaks for the plugin of its id and may publish, no more. */
export interface UnitTokens {
  /** The token of a unit: the same over restarts of the daemon, since a unit may outlive it with the token in its environment. */
  tokenOf(id: string): string;
}

/**
 * Opens `<state_dir>/unit-tokens.key` (0600), making it where there is none. Tokens are derived from it and kept nowhere; removing the
 * file and starting again makes all of them new. Throws RefusedError on a file that others may read.
 */
export function openUnitTokens(stateDir: string): UnitTokens {
  const path = join(stateDir, 'unit-tokens.key');
  let key = readPrivate(path)?.trim();
  if (key === undefined || key.length < 43) {
    key = randomBytes(32).toString('base64url');
    writePrivate(stateDir, path, `${key}\n`);
  }
  const secret = key;
  return { tokenOf: (id) => createHmac('sha256', secret).update(`plugins.units\0${id}`).digest('base64url') };
}

export function unitPrincipal(id: string): Principal {
  return { id: `unit:${id}`, name: id, scopes: new Set(['events:write']) };
}
