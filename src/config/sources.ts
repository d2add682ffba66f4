import type { LoadedSettings } from '../settings/index.ts';

/** Where the value at a dotted path comes from: its own source, or that of the key that holds it. */
export function sourceOf({ sources }: LoadedSettings, path: string): string {
  const parts = path.split('.');
  for (let n = parts.length; n > 0; n--) {
    const name = parts.slice(0, n).join('.');
    if (Object.hasOwn(sources, name)) return sources[name] ?? 'default';
  }
  return 'default';
}

/** Whether something above the files says what this key is: the environment or a flag. */
export function isAbove(loaded: LoadedSettings, path: string): boolean {
  const source = sourceOf(loaded, path);
  return source.startsWith('env ') || source.startsWith('--');
}
