import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { ulid } from '../kernel/ids.ts';
import type { Settings } from '../settings/types.ts';
import type { OpenStore } from '../store/index.ts';
import type { Logger, Metrics } from '../telemetry/types.ts';
import type { BeginArgs, Bounds, Extent, FinishArgs } from './audit-procedures.ts';
import { createRefusals, type Refusal, sumEveryMs } from './refusals.ts';
import type { Audit, AuditCall, AuditPage, AuditResult, BegunEntry } from './types.ts';

/** How often the bounds are looked at. */
const lookEveryMs = 5000;
const retryAfterMs = 1000;
/** Ends that wait for a disk that takes them again; the intents of what is over are ended as INTERRUPTED at the next start. */
const mostUnfinished = 1000;
/** Refusals on their way to the disk at once: what is over is counted as lost. */
const mostWriting = 256;

export interface AuditOptions {
  readonly store: Pick<OpenStore, 'read' | 'write' | 'onHealth' | 'ageing'>;
  readonly settings: Settings['audit'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface OpenAudit extends Audit {
  setSettings(settings: Settings['audit']): void;
  stop(): Promise<void>;
}

/** Opens the audit: what the end of the last agent left without an end is completed first. */
export async function openAudit(options: AuditOptions): Promise<OpenAudit> {
  const { store, clock, logger } = options;
  const refusals = createRefusals(clock);
  let settings = options.settings;
  let extent: Extent = { bytes: 0, oldestMs: undefined };
  const entries = options.metrics.counter('sboxagent_audit_entries_total');
  const lost = options.metrics.counter('sboxagent_audit_dropped_total');
  const unfinished: FinishArgs[] = [];
  let writing = 0;
  const finish = async (args: FinishArgs): Promise<void> => {
    extent = await store.write<Extent>('audit', 'finish', args);
    entries.add(1);
  };
  const look = async (): Promise<void> => {
    const { ageMs, bytes } = settings.retention;
    const nowMs = store.ageing.nowMs();
    if (extent.oldestMs === undefined || (extent.oldestMs >= nowMs - ageMs && extent.bytes <= bytes)) return;
    extent = await store.write<Extent>('audit', 'prune', { nowMs, ageMs, bytes } satisfies Bounds);
  };
  const retry = async (): Promise<void> => {
    for (let args = unfinished[0]; args !== undefined; args = unfinished[0]) {
      await finish(args);
      unfinished.shift();
    }
  };
  const write = ({ call, result }: Refusal): void => {
    if (writing >= mostWriting) {
      lost.add(1);
      return;
    }
    writing += 1;
    finish({ id: '', call, result, agedMs: store.ageing.nowMs() })
      .catch(() => lost.add(1))
      .finally(() => {
        writing -= 1;
      });
  };
  const sum = (): void => {
    const entry = refusals.sum();
    if (entry !== undefined) write(entry);
  };
  const recovered = await store
    .write<{ count: number; extent: Extent }>('audit', 'recover', { agedMs: store.ageing.nowMs() })
    .catch((error: unknown) => {
      logger.error({ error }, 'the audit cannot be written: calls that change something are refused');
      return undefined;
    });
  if (recovered !== undefined) {
    extent = recovered.extent;
    if (recovered.count > 0)
      logger.warn({ calls: recovered.count }, 'calls were under way when the agent ended: the audit has them as INTERRUPTED');
  }
  const stops = [
    clock.every(lookEveryMs, () => void look().catch(() => {})),
    clock.every(sumEveryMs, sum),
    store.onHealth(({ status }) => status === 'HEALTHY' && void retry().catch(() => {})),
  ];
  return {
    async begin(call) {
      if (!settings.enabled) return unwritten;
      const id = ulid(clock.wallMs());
      await store.write('audit', 'begin', { id, call } satisfies BeginArgs).catch((error: unknown) => {
        throw unavailable(error);
      });
      return {
        finish: (result) => {
          const args: FinishArgs = { id, call, result, agedMs: store.ageing.nowMs() };
          return finish(args).catch((error: unknown) => {
            logger.error({ error, method: call.method }, 'the end of a call could not be written to the audit: its beginning is there');
            if (unfinished.length < mostUnfinished) unfinished.push(args);
          });
        },
      };
    },
    refused(call: AuditCall, result: AuditResult) {
      if (!settings.enabled) return;
      const entry = refusals.take({ call, result });
      if (entry !== undefined) write(entry);
    },
    list: (asked) => store.read<AuditPage>('audit', 'list', asked),
    setSettings(next) {
      settings = next;
    },
    async stop() {
      for (const stop of stops) stop();
      sum();
      await retry().catch(() => {});
    },
  };
}

const unwritten: BegunEntry = { finish: () => Promise.resolve() };

function unavailable(error: unknown): AgentError {
  const why = error instanceof Error ? error.message : String(error);
  return new AgentError('AUDIT_UNAVAILABLE', `the call was not made, because the audit cannot be written: ${why}`, {
    retryAfterMs: (error instanceof AgentError ? error.retryAfterMs : undefined) ?? retryAfterMs,
    cause: error,
  });
}
