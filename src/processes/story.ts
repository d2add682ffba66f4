import type { JsonObject, NewEvent, Severity } from '../events/types.ts';
import { ownSource } from '../kernel/own-names.ts';
import type { EndStatus } from './exit-status.ts';
import type { ProcessResources } from './types.ts';

export type ProcessEventType = 'starting' | 'started' | 'ready' | 'exited' | 'restarting' | 'crash_loop' | 'stopped';

const severity: Readonly<Record<ProcessEventType, Severity>> = {
  starting: 'INFO',
  started: 'INFO',
  ready: 'INFO',
  exited: 'WARNING',
  restarting: 'INFO',
  crash_loop: 'ERROR',
  stopped: 'INFO',
};

/** What an end that nobody asked for tells: in `process.exited` and, as the cause, in `process.crash_loop`. */
export interface EndStory {
  readonly end: EndStatus;
  readonly reason: string;
  readonly message: string;
  readonly logLines: readonly string[];
  readonly configDiff: string;
  readonly resources: ProcessResources | undefined;
  readonly durationMs: number;
  readonly pid: number;
  readonly nextAction: string;
}

export function endData(story: EndStory): JsonObject {
  return {
    ...(story.end.kind === 'code' ? { code: story.end.code } : {}),
    ...(story.end.kind === 'signal' ? { signal: story.end.signal } : {}),
    reason: story.reason,
    message: story.message,
    log_lines: story.logLines,
    config_diff: story.configDiff,
    ...(story.resources === undefined ? {} : { resources: resourceData(story.resources) }),
    next_action: story.nextAction,
    duration_ms: Math.round(story.durationMs),
    pid: story.pid,
  };
}

function resourceData({ cpuUsageRatio, residentMemoryBytes, openFds, threads }: ProcessResources): JsonObject {
  return { cpu_usage_ratio: cpuUsageRatio, resident_memory_bytes: residentMemoryBytes, open_fds: openFds, threads };
}

export interface ProcessEvent {
  readonly id: string;
  readonly type: ProcessEventType;
  readonly data?: JsonObject;
  /** The story that it belongs to; absent = none. */
  readonly traceId?: string;
}

/** One event of a process as the journal takes it; an exit with success is no reason to warn. */
export function processEvent({ id, type, data = {}, traceId = '' }: ProcessEvent): NewEvent {
  return {
    type: `process.${type}`,
    source: ownSource,
    subject: id,
    severity: type === 'exited' && data['code'] === 0 ? 'INFO' : severity[type],
    data,
    ...(traceId === '' ? {} : { traceId }),
  };
}
