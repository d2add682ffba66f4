import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/**
 * A module that is loaded when it is first asked for, at once: what few agents use, or none before its first calls, costs a start neither time
 * nor memory. It is the very module that `import` of the same specifier gives, so that classes and keys are one. Written as
 * `late<typeof import(name)>(import.meta, name)`; a test loads each, so that none can fail later in a way a start would have shown.
 */
export function late<T>(meta: ImportMeta, specifier: string): () => T {
  let loaded: T | undefined;
  return () => (loaded ??= require(fileURLToPath(meta.resolve(specifier))) as T);
}
