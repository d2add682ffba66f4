import { type OpenAudit, openAudit } from '../../src/audit/index.ts';
import type { AuditCall } from '../../src/audit/types.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import type { OpenStore } from '../../src/store/index.ts';
import { metricsFake, openTestStore, silentLogger } from './event-room.ts';

export interface AuditRoom {
  readonly audit: OpenAudit;
  readonly store: OpenStore;
  readonly value: (key: string) => number;
  [Symbol.asyncDispose](): Promise<void>;
}

export const keptForYears = { ageMs: 3600 * 86_400_000, bytes: 1 << 28 };

/** The audit on a real store. */
export async function openAuditRoom(dir: string, options: { clock?: Clock; retention?: typeof keptForYears } = {}): Promise<AuditRoom> {
  const { clock = systemClock, retention = keptForYears } = options;
  const { metrics, value } = metricsFake();
  const boot = { id: 'test', uptimeMs: () => clock.monotonicMs() };
  const store = await openTestStore({ dir, clock, metrics, boot });
  const audit = await openAudit({ store, settings: { enabled: true, retention }, clock, logger: silentLogger, metrics });
  return {
    audit,
    store,
    value,
    async [Symbol.asyncDispose]() {
      await audit.stop();
      await store.stop();
    },
  };
}

export function auditCallOf(method: string, rest: Partial<AuditCall> = {}): AuditCall {
  const plain = { timeMs: 1_700_000_000_000, principal: 'admin', via: 'grpc', peer: '127.0.0.1', target: '', traceId: '', changes: [] };
  return { ...plain, ...rest, method };
}

export const everything = { principals: [], methods: [], targets: [], codes: [], sinceMs: undefined, untilMs: undefined };
