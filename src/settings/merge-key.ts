import { isScalar, type Pair } from 'yaml';

/** `<<` without quotes: what the mapping, or the list of mappings, at it says is said here too (YAML 1.1; Compose files are full of it). */
export function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}
