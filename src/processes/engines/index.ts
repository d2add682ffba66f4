/**
 * The proxy programs that sboxagent knows: one declarative file each, all of the shape of `Engine`. A new one is a new file
 * and a line here (and a name in the settings' schema). Read by the processes room alone.
 */
import { singBox } from './sing-box.ts';
import type { Engine } from './types.ts';

export type { Engine, Listener } from './types.ts';

export const engines: Readonly<Record<'sing-box', Engine>> = { 'sing-box': singBox };
