import { stringify } from 'yaml';
import type { LoadedSettings } from './types.ts';

/** The effective configuration as YAML that loads again to the same; secrets read `***`, which loading takes for "not said". */
export function printConfig({ document }: LoadedSettings): string {
  // Quotes what YAML 1.1 would read otherwise (`no` as false): people read it with other programs too.
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 0, compat: 'yaml-1.1' });
}
