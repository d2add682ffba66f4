import type { JsonObject, NewEvent } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger, Spans } from '../../telemetry/types.ts';
import { showApply } from './apply-spans.ts';
import type { ApplyPhase, ApplyRecord, ApplyResult, ApplyStep, StepName } from './types.ts';

/** What a step says of itself where there is more to say than that it passed. */
export interface StepOutcome {
  readonly skipped?: boolean;
  readonly message?: string;
}

export interface ApplyLogOptions {
  readonly first: ApplyRecord;
  /** Makes the record durable. */
  readonly save: (record: ApplyRecord) => Promise<void>;
  readonly emit: (event: NewEvent) => void;
  readonly spans: Spans | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The story of one apply as it is being written: the record, on disk before what it announces is done, and an event for each phase. */
export interface ApplyLog {
  readonly record: () => ApplyRecord;
  note(patch: Partial<ApplyRecord>): void;
  /** Durable before it resolves. */
  enter(phase: ApplyPhase): Promise<void>;
  /** A part that is not needed. */
  skip(name: StepName, message: string): void;
  /** Runs one part, writes down how it ended (`describe`: more than that it passed), and answers its result; what it throws goes on. */
  step<T>(name: StepName, run: () => Promise<T> | T, describe?: (result: T) => StepOutcome): Promise<T>;
  finish(result: ApplyResult): Promise<ApplyRecord>;
}

const phaseEvents: Readonly<Record<Exclude<ApplyPhase, 'DONE'>, string>> = {
  CHECKING: 'apply.checking',
  SWAPPING: 'apply.swapping',
  VERIFYING: 'apply.verifying',
  COMMITTED: 'apply.committed',
  ROLLING_BACK: 'apply.rolling_back',
};

export function createApplyLog({ first, save, emit, spans, clock, logger }: ApplyLogOptions): ApplyLog {
  let record = first;
  const beganMs = clock.wallMs();
  const note = (patch: Partial<ApplyRecord>): void => {
    record = { ...record, ...patch };
  };
  const replaceLast = (step: ApplyStep): void => note({ steps: [...record.steps.slice(0, -1), step] });

  return {
    record: () => record,
    note,
    async enter(phase) {
      note({ phase });
      await save(record);
      if (phase !== 'DONE') emit({ ...storyOf(record), type: phaseEvents[phase], data: { apply_id: record.id } });
    },
    skip(name, message) {
      const nowMs = clock.wallMs();
      note({ steps: [...record.steps, { name, status: 'SKIPPED', message, startTimeMs: nowMs, endTimeMs: nowMs }] });
    },
    async step(name, run, describe = () => ({})) {
      const begun: ApplyStep = { name, status: 'ACTIVE', message: '', startTimeMs: clock.wallMs(), endTimeMs: undefined };
      note({ steps: [...record.steps, begun] });
      try {
        const result = await run();
        const { skipped = false, message = '' } = describe(result);
        replaceLast({ ...begun, status: skipped ? 'SKIPPED' : 'PASSED', message, endTimeMs: clock.wallMs() });
        return result;
      } catch (error) {
        replaceLast({ ...begun, status: 'FAILED', message: messageOf(error), endTimeMs: clock.wallMs() });
        throw error;
      }
    },
    async finish(result) {
      note({ result, phase: 'DONE' });
      // The outcome stands whether or not it could be written down; the daemon after this one finds out by what lies in the files.
      await save(record).catch((err: unknown) =>
        logger.error({ err, apply: record.id }, 'the outcome of an apply could not be written down'),
      );
      showApply(spans, record, beganMs);
      const event = outcomeEvent(record);
      if (event !== undefined) emit(event);
      return record;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function storyOf({ processId, traceId }: ApplyRecord): Pick<NewEvent, 'subject' | 'traceId'> {
  return traceId === '' ? { subject: processId } : { subject: processId, traceId };
}

const outcomeTypes: Partial<Record<ApplyResult, { readonly type: string; readonly severity: NonNullable<NewEvent['severity']> }>> = {
  APPLIED: { type: 'config.applied', severity: 'INFO' },
  REJECTED: { type: 'config.rejected', severity: 'WARNING' },
  ROLLED_BACK: { type: 'config.rolled_back', severity: 'ERROR' },
  FAILED: { type: 'config.rolled_back', severity: 'CRITICAL' },
};

/**
 * The one `config.*` event of an apply; none for what was judged only. Its id is made of the apply's, so that a daemon that finishes
 * what another one began does not tell it twice.
 */
export function outcomeEvent(record: ApplyRecord): NewEvent | undefined {
  const known = outcomeTypes[record.result];
  if (known === undefined) return undefined;
  const failed = record.steps.find(({ status }) => status === 'FAILED');
  const data: JsonObject = {
    apply_id: record.id,
    result: record.result,
    from_revision: record.fromRevision,
    revision: record.revision,
    running_revision: record.runningRevision,
    author: record.author,
    ...(record.reason === '' ? {} : { reason: record.reason }),
    ...(failed === undefined ? {} : { step: failed.name, message: failed.message }),
    ...(record.engineOutput.length === 0 ? {} : { engine_output: record.engineOutput }),
    ...(record.violations.length === 0 ? {} : { violations: record.violations.map(({ path, message }) => ({ path, message })) }),
  };
  return { ...storyOf(record), ...known, id: `apply-${record.id}`, data };
}
