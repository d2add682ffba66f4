import { type Engine, engines } from '../../processes/engines/index.ts';

/** Engines by the names that sboxmgr has for them. */
export const clientTypes = ['sing-box', 'xray', 'clash', 'hysteria', 'mihomo'] as const;
export type ClientType = (typeof clientTypes)[number];

/** An engine under sboxmgr's name for it. */
export type Client = Pick<Engine, 'programs' | 'versionArguments' | 'version' | 'checkArguments' | 'check'>;

export const clients: Readonly<Record<ClientType, Client>> = {
  ...engines,
  // Asked for by its old name, the old program goes first.
  clash: { ...engines.mihomo, programs: ['clash', 'mihomo', 'clash-meta'] },
};

export function isClientType(value: unknown): value is ClientType {
  return typeof value === 'string' && Object.hasOwn(clients, value);
}
