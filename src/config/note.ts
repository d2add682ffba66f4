import type { Clock } from '../kernel/clock.ts';
import type { ConfigManager } from './types.ts';

/** Well unless a problem was noted; an empty one heals. */
export function createNote(clock: Clock): { note(problem: string): void; readonly health: ConfigManager['health'] } {
  let state: ReturnType<ConfigManager['health']> = { status: 'HEALTHY', message: '', sinceMs: clock.wallMs() };
  return {
    note(problem) {
      if (problem === state.message) return;
      state = { status: problem === '' ? 'HEALTHY' : 'DEGRADED', message: problem, sinceMs: clock.wallMs() };
    },
    health: () => state,
  };
}
