import { fileURLToPath } from 'node:url';
import { type PlainRoute, staticRoutes } from '../api/index.ts';
import type { Settings } from '../settings/types.ts';

const consoleDirectory = fileURLToPath(new URL('../../gen/console', import.meta.url));

/** Pages for a browser. The page itself is public: what it shows is asked for with a token, like by any client. */
export function pageRoutes({ console }: Settings['api']): readonly PlainRoute[] {
  return console.enabled ? staticRoutes({ prefix: '', directory: consoleDirectory, scope: undefined }) : [];
}
