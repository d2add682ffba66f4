import type { Clock } from './clock.ts';

/** How a part of the agent is. */
export interface NotedHealth {
  readonly status: 'HEALTHY' | 'DEGRADED';
  /** Empty when HEALTHY. */
  readonly message: string;
  readonly sinceMs: number;
}

/** Well unless a problem was noted; an empty one heals. */
export function createNote(clock: Clock): { note(problem: string): void; readonly health: () => NotedHealth } {
  let state: NotedHealth = { status: 'HEALTHY', message: '', sinceMs: clock.wallMs() };
  return {
    note(problem) {
      if (problem === state.message) return;
      state = { status: problem === '' ? 'HEALTHY' : 'DEGRADED', message: problem, sinceMs: clock.wallMs() };
    },
    health: () => state,
  };
}
