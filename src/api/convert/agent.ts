/** The agent's own state: domain -> proto. */
import { create, type MessageInitShape, type JsonObject as ProtoObject } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type AgentStatusSchema, type Health, Health_Status, HealthSchema } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import type { JournalStats } from '../../events/types.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { ProcessView } from '../../processes/types.ts';
import type { HealthSnapshot, HealthStatus, StatusSnapshot } from '../health.ts';
import { fromMs } from './time.ts';

/** Whole for who may read; for anybody else the word, and nothing from which more could be told. */
export function healthMessage(snapshot: HealthSnapshot, mayRead: boolean): Health {
  const status = Health_Status[snapshot.status];
  if (!mayRead) return create(HealthSchema, { status });
  return create(HealthSchema, {
    status,
    components: snapshot.components.map((component) => ({
      name: component.name,
      status: Health_Status[component.status],
      message: component.message,
      since: fromMs(component.sinceMs),
      ...(component.data !== undefined && { data: component.data as ProtoObject }),
    })),
    time: fromMs(snapshot.timeMs),
  });
}

export interface StatusParts {
  readonly status: StatusSnapshot;
  readonly journal: JournalStats;
  readonly watchers: number;
  readonly processes: readonly ProcessView[];
  readonly health: HealthStatus;
  readonly caller: Principal;
}

function countByState(processes: readonly ProcessView[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of processes) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export function statusMessage({
  status,
  journal,
  watchers,
  processes,
  health,
  caller,
}: StatusParts): MessageInitShape<typeof AgentStatusSchema> {
  return {
    name: status.name,
    version: status.version,
    commit: status.commit,
    startTime: fromMs(status.startTimeMs),
    uptime: durationFromMs(Math.trunc(status.uptimeMs)),
    pid: status.pid,
    listeners: status.listeners as string[],
    configPaths: status.configPaths as string[],
    configEtag: status.configEtag,
    processes: countByState(processes),
    plugins: status.plugins,
    watchers,
    streams: status.streams,
    connections: status.connections,
    journal: {
      firstRevision: BigInt(journal.firstRevision),
      lastRevision: BigInt(journal.lastRevision),
      count: journal.count,
      bytes: journal.bytes,
    },
    health: Health_Status[health],
    caller: { id: caller.id, name: caller.name, scopes: [...caller.scopes] },
  };
}
