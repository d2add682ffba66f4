import { stringify } from 'yaml';
import type { LoadedSettings } from './types.ts';

/** The effective configuration as YAML that loads again to the same; secrets read `***`, which loading takes for "not said". */
export function printConfig({ document }: LoadedSettings): string {
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 });
}
