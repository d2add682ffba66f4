import { join } from 'node:path';
import type { Settings } from '../settings/index.ts';

/** The agent's database, as the store and its threads want it told. */
export function databaseOf({ agent, events }: Settings): { path: string; durability: 'full' | 'relaxed'; procedures: URL } {
  const procedures = new URL('./procedures.ts', import.meta.url);
  return { path: join(agent.stateDir, 'sboxagent.db'), durability: events.durability, procedures };
}
