import { extname } from 'node:path';
import { dotted, lineAt, type TextFault, TextFaultError } from '../../documents/index.ts';
import { parseConfigJson } from './config-json.ts';
import { parseConfigYaml } from './config-yaml.ts';
import { compileKeys } from './key-pattern.ts';
import type { Document, Engine } from './types.ts';

/** Larger than any config; a list of ten thousand proxies has 3 MiB. */
export const maxConfigBytes = 4 * 1024 * 1024;

export type ConfigFormat = 'json' | 'yaml';

export type ReadConfig =
  | { readonly ok: true; readonly document: Document; readonly format: ConfigFormat }
  | { readonly ok: false; readonly fault: TextFault };

/** What a config is written in: by the ending of its name where the engine goes by that, else as the engine wants it. */
export function formatOf(engine: Pick<Engine, 'format'>, configPath: string): ConfigFormat {
  const ending = extname(configPath).toLowerCase();
  if (ending === '.yaml' || ending === '.yml') return 'yaml';
  return ending === '.json' || ending === '.jsonc' ? 'json' : engine.format;
}

/** Reads a config within bounds: bytes, depth, names that stand twice. JSON is not run through YAML: the two differ in comments. */
export function readConfig(engine: Engine, text: string, format: ConfigFormat = engine.format): ReadConfig {
  if (Buffer.byteLength(text) > maxConfigBytes) {
    return { ok: false, fault: { rule: 'too_large', path: '', line: 0, message: `larger than ${maxConfigBytes >> 20} MiB` } };
  }
  const isNames = compileKeys(engine.keys.names);
  try {
    const value =
      format === 'json' ? parseConfigJson(text, (path) => isNames(path, '')) : parseConfigYaml(text, (path) => isNames(path, ''));
    if (value === null || value === undefined) return { ok: true, document: {}, format };
    if (typeof value !== 'object' || Array.isArray(value)) return bad('the config is not a table of keys');
    return { ok: true, document: value as Document, format };
  } catch (error) {
    if (error instanceof TextFaultError) return { ok: false, fault: error.fault };
    throw error;
  }
}

function bad(message: string): ReadConfig {
  return { ok: false, fault: { rule: 'syntax', path: '', line: 1, message } };
}

/** The line of the value at each of these dotted paths, in JSON; 0 where it cannot be told. */
export function linesOf(text: string, format: ConfigFormat, paths: readonly string[]): ReadonlyMap<string, number> {
  const wanted = new Set(paths);
  const found = new Map<string, number>();
  if (format !== 'json' || wanted.size === 0) return found;
  try {
    parseConfigJson(
      text,
      () => true,
      ({ keys, start }) => {
        const name = dotted(keys);
        if (wanted.has(name)) found.set(name, lineAt(text, start));
      },
    );
  } catch {
    // The text was read before: this finds what there is.
  }
  return found;
}
