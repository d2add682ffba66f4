/**
 * The proxy programs that sboxagent knows: one declarative file each, all of the shape of `Engine`. A new one is a new file, a line
 * here, its name in the settings' schema and a fixture. What reads a config (config-json, config-yaml), what finds its keys
 * (key-pattern), and what judges it (policy) know no engine by its name. Read by the processes room, and by sboxmgr's JSON door.
 */
import type { EngineName } from '../../settings/types.ts';
import { hysteria } from './hysteria.ts';
import { mihomo } from './mihomo.ts';
import { singBox } from './sing-box.ts';
import type { Engine } from './types.ts';
import { xray } from './xray.ts';

export type { Document, Engine, EngineApi, Listener, ProxyInbound } from './types.ts';

export const engines: Readonly<Record<EngineName, Engine>> = { 'sing-box': singBox, xray, mihomo, hysteria };
