import type { Document, Listener } from './types.ts';
import { walkConfig } from './walk.ts';

/** Whether a value names this port: `1080`, `"1080"`, `127.0.0.1:1080`, `[::]:1080`. */
function namesPort(value: unknown, port: number): boolean {
  if (value === port) return true;
  return typeof value === 'string' && (value === String(port) || value.endsWith(`:${port}`));
}

/**
 * Path of the key that makes the engine listen there (`inbounds[0].listen_port`): in the inbound of that tag where it has one, else the
 * first that names the port. Empty where no key does.
 */
export function listenerPath(document: Document, { tag, port }: Pick<Listener, 'tag' | 'port'>): string {
  const found: string[] = [];
  let inbound: string | undefined;
  walkConfig(document, ({ path, names, value }) => {
    if (tag !== '' && value === tag && names.length > 1) inbound ??= path().slice(0, path().lastIndexOf('.') + 1);
    if (namesPort(value, port)) found.push(path());
  });
  const own = inbound === undefined ? undefined : found.find((path) => path.startsWith(inbound ?? ''));
  return own ?? found[0] ?? '';
}
