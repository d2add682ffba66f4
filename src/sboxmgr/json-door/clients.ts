import { singBox } from '../../processes/engines/sing-box.ts';

/** Engines by the names that sboxmgr has for them. */
export const clientTypes = ['sing-box', 'xray', 'clash', 'hysteria', 'mihomo'] as const;
export type ClientType = (typeof clientTypes)[number];

/** What there is to know of an engine for a look at a configuration. */
export interface Client {
  /** Names of the program on PATH, the first found is taken. */
  readonly programs: readonly string[];
  readonly versionArguments: readonly string[];
  /** Its version in what it says of it. */
  readonly version: RegExp;
  /** Its own check; undefined where it has none. */
  readonly checkArguments: ((configPath: string, home: string) => readonly string[]) | undefined;
  /** Lines of a failed check that say what is wrong; where none matches, all are told. */
  readonly sentence: RegExp;
}

const mihomo: Client = {
  programs: ['mihomo', 'clash-meta', 'clash'],
  versionArguments: ['-v'],
  version: /\bv?(\d+\.\d+\.\d+[\w.+-]*)/,
  checkArguments: (configPath, home) => ['-t', '-d', home, '-f', configPath],
  sentence: /level=(?:error|fatal)|^(?:panic|fatal error):|Parse config error/,
};

export const clients: Readonly<Record<ClientType, Client>> = {
  'sing-box': {
    programs: ['sing-box'],
    versionArguments: singBox.versionArguments,
    version: /version (\S+)/,
    checkArguments: singBox.checkArguments,
    sentence: /^(?:ERROR|FATAL|PANIC)\[|^(?:panic|fatal error):/,
  },
  xray: {
    programs: ['xray'],
    versionArguments: ['version'],
    version: /^Xray (\S+)/m,
    checkArguments: (configPath) => ['run', '-test', '-c', configPath],
    sentence: /^Failed to start:|^main: |^(?:panic|fatal error):/,
  },
  clash: { ...mihomo, programs: ['clash', 'mihomo', 'clash-meta'] },
  mihomo,
  hysteria: {
    programs: ['hysteria'],
    versionArguments: ['version'],
    version: /\bv?(\d+\.\d+\.\d+[\w.+-]*)/,
    checkArguments: undefined,
    sentence: /^(?:panic|fatal error):|FATAL/,
  },
};

export function isClientType(value: unknown): value is ClientType {
  return typeof value === 'string' && Object.hasOwn(clients, value);
}
