import type { RestartHistory } from './restart-policy.ts';
import { noHistory } from './restart-policy.ts';
import type { Run } from './run.ts';
import type { ExitRecord, ProcessState } from './types.ts';

/** All that changes of one process. Only instance.ts and its parts write it, through `set`. */
export interface InstanceState {
  state: ProcessState;
  desired: 'UP' | 'DOWN';
  run: Run | undefined;
  exit: ExitRecord | undefined;
  restartCount: number;
  restartsTotal: number;
  nextStartTimeMs: number | undefined;
  reason: string;
  message: string;
  history: RestartHistory;
  /** With `version` the etag: when this daemon first knew the process, Unix ms in base 36. */
  readonly epoch: string;
  /** Counts changes. */
  version: number;
}

export function initialState(nowMs: number): InstanceState {
  return {
    state: 'STOPPED',
    desired: 'DOWN',
    run: undefined,
    exit: undefined,
    restartCount: 0,
    restartsTotal: 0,
    nextStartTimeMs: undefined,
    reason: '',
    message: '',
    history: noHistory,
    epoch: Math.trunc(nowMs).toString(36),
    version: 0,
  };
}

/** STARTING, RUNNING and READY: there is an instance, so there must not be another. */
export function isUp(state: ProcessState): boolean {
  return state === 'STARTING' || state === 'RUNNING' || state === 'READY';
}
