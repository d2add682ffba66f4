import type { Change, ManagedDocument } from '../../documents/index.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { ApplyLog } from './apply-log.ts';
import { StepFailure } from './failure.ts';
import type { Judgement } from './judge.ts';
import type { ApplySubject, SubjectTrial } from './subject.ts';
import type { ApplyRecord, StepName } from './types.ts';

export interface ApplyJob {
  readonly subject: ApplySubject;
  readonly document: ManagedDocument;
  readonly log: ApplyLog;
  readonly judge: () => Promise<Judgement>;
  readonly validateOnly: boolean;
  /** The file has the candidate already. */
  readonly fromFile: boolean;
  /** Newest revision that proved itself; 0 = none. */
  readonly lastGood: number;
  /** Gives the file that the swap has written to whom it belongs. */
  readonly giveFile: () => void;
  readonly author: { readonly name: string; readonly reason: string; readonly traceId: string };
}

/**
 * The transaction. Before the swap a failure leaves file, engine and revision untouched (REJECTED); after it the config of before is
 * put back the same way (ROLLED_BACK, or FAILED where even that does not run). Throws the AgentError of the outcome.
 */
export async function runApply(job: ApplyJob): Promise<ApplyRecord> {
  const { log, document } = job;
  log.note({ fromRevision: document.head?.revision ?? 0, runningRevision: runningRevision(job) });
  const judged = await judge(job).catch((error: unknown) => rejected(job, error));
  log.note({ diff: judged.diff, impact: judged.impact, engineOutput: judged.engineOutput });
  if (job.validateOnly) return log.finish('VALID');
  if (judged.unchanged) return keepAsItIs(job);
  const change = await begin(job, judged).catch((error: unknown) => rejected(job, error));
  log.note({ revision: change.revision.revision });
  return prove(job, change);
}

async function judge({ log, judge: judgeCandidate }: ApplyJob): Promise<Judgement> {
  await log.enter('CHECKING');
  return judgeCandidate();
}

/** The file has this text and the engine runs with it: there is nothing to prove. */
async function keepAsItIs({ log, document }: ApplyJob): Promise<ApplyRecord> {
  log.skip('swap', 'the config is in effect already');
  log.note({ revision: document.head?.revision ?? 0 });
  return log.finish('APPLIED');
}

async function begin({ log, document, author }: ApplyJob, { texts, diff }: Judgement): Promise<Change> {
  await log.enter('SWAPPING');
  return log.step('backup', () => document.begin({ texts, author, detail: { apply_id: log.record().id, diff } }));
}

async function rejected(job: ApplyJob, error: unknown): Promise<never> {
  const { log } = job;
  if (error instanceof StepFailure) log.note({ violations: error.violations, engineOutput: error.engineOutput });
  log.note({ runningRevision: runningRevision(job) });
  throw outcomeError(await log.finish('REJECTED'), error);
}

async function prove(job: ApplyJob, change: Change): Promise<ApplyRecord> {
  const { subject, log } = job;
  const wanted = subject.isWanted();
  const trial = subject.beginTrial();
  let [written, touched] = [false, false];
  try {
    await log.step('swap', () => {
      change.write();
      written = true;
      job.giveFile();
    });
    await log.enter('VERIFYING');
    if (wanted) {
      touched = true;
      await takeUp(job, trial);
    } else log.skip('ready', `${subject.id} is stopped: the config proves itself at its next start`);
    await log.enter('COMMITTED');
    await log.step('commit', () => change.commit({ apply_id: log.record().id, diff: log.record().diff, proved: wanted }));
    log.note({ runningRevision: subject.isUp() ? change.revision.revision : 0 });
    return await log.finish('APPLIED');
  } catch (error) {
    if (!written) return await notSwapped(job, change, error);
    return await takeBack(job, { change, cause: error, restart: touched, trial });
  } finally {
    trial.end();
  }
}

async function takeUp({ log }: ApplyJob, trial: SubjectTrial): Promise<void> {
  const { ready } = await log.step(
    'reload',
    () => trial.takeUp(),
    ({ how }) => ({ message: `the engine was ${how}` }),
  );
  await log.step('ready', () => ready);
  await log.step(
    'probe',
    () => trial.soak(),
    (message) => ({ message }),
  );
}

/** The file could not be replaced, so that nothing has changed: the candidate is refused for what the disk said. */
async function notSwapped(job: ApplyJob, change: Change, error: unknown): Promise<never> {
  const { log } = job;
  await change.rollBack();
  log.note({ revision: 0 });
  return rejected(job, error);
}

interface Undoing {
  readonly change: Change;
  readonly cause: unknown;
  /** Whether the engine was made to take up the new config. */
  readonly restart: boolean;
  readonly trial: SubjectTrial;
}

/** Puts the config of before back, and the engine to it. Throws the AgentError of the outcome. */
async function takeBack(job: ApplyJob, { change, cause, restart, trial }: Undoing): Promise<never> {
  const { subject, log, document } = job;
  if (cause instanceof StepFailure) log.note({ engineOutput: cause.engineOutput });
  // A disk that refuses the note must not keep the config of before from coming back.
  await log.enter('ROLLING_BACK').catch(() => undefined);
  const detail = { apply_id: log.record().id, diff: log.record().diff };
  let restored = true;
  await log.step('restore', () => restore(job, change, detail)).catch(() => (restored = false));
  if (restored && restart && subject.isWanted() && document.head !== undefined) restored = await runBefore(job, trial);
  log.note({ runningRevision: runningRevision(job) });
  throw outcomeError(await log.finish(restored ? 'ROLLED_BACK' : 'FAILED'), cause);
}

/**
 * Puts the file back to what was in effect; where that never proved itself (it was edited by hand, or the engine was failing with it) to the
 * last one that did, as a new revision.
 */
async function restore(
  { document, fromFile, lastGood, subject }: ApplyJob,
  change: Change,
  detail: { readonly [key: string]: string },
): Promise<void> {
  await change.rollBack({ result: 'ROLLED_BACK', detail });
  if (fromFile && document.head !== undefined) document.restoreFiles();
  if (lastGood === 0 || lastGood === document.head?.revision || !subject.isWanted()) return;
  const texts = await document.texts(lastGood);
  const back = await document.begin({
    texts,
    author: { name: 'sboxagent', reason: `back to revision ${lastGood}, the last that proved itself`, traceId: '' },
  });
  await back.apply();
}

/** An engine that ended while it was to take up the config of before (somebody restarted it, or its reload is broken) is started with it. */
const attemptsBefore = 2;

/** Whether the config of before runs again, or nothing is to run any more because somebody stopped it. */
async function runBefore({ subject, log }: ApplyJob, trial: SubjectTrial): Promise<boolean> {
  for (let attempt = 0; attempt < attemptsBefore && subject.isWanted(); attempt += 1) {
    try {
      await log.step('restart', async () => {
        const { ready } = await trial.takeUp();
        await ready;
      });
      return true;
    } catch {
      // The step says why it failed.
    }
  }
  return !subject.isWanted();
}

function runningRevision({ subject, document }: ApplyJob): number {
  return subject.isUp() ? (document.head?.revision ?? 0) : 0;
}

const rolledBackWords = {
  ROLLED_BACK: 'it was taken back',
  FAILED: 'it was taken back, and the one of before does not run either',
} as const;

/** What the caller gets: the reason of the step that did not hold, with the apply's id; its record goes along as a detail. */
export function outcomeError(record: ApplyRecord, cause: unknown): AgentError {
  const metadata = { apply_id: record.id, process_id: record.processId };
  const step = failedStep(record);
  const detail = { kind: 'apply', record } as const;
  if (record.result === 'REJECTED') {
    if (cause instanceof AgentError) return refusalOf(record, cause);
    const reason = cause instanceof StepFailure ? cause.reason : 'INTERNAL';
    const violations = record.violations.map(({ path, message, rule }) => ({ field: path, message, rule }));
    return new AgentError(reason, messageOf(cause), { metadata: { ...metadata, step }, violations, detail, cause });
  }
  if (record.result === 'ROLLED_BACK' && isOurs(cause)) {
    const message = `the config of ${record.processId} was taken back, which is not its fault: ${cause.message}`;
    const { retryAfterMs } = cause;
    return new AgentError(cause.reason, message, { metadata: { ...cause.metadata, ...metadata, step }, retryAfterMs, detail, cause });
  }
  const words = rolledBackWords[record.result === 'FAILED' ? 'FAILED' : 'ROLLED_BACK'];
  const message = `the config of ${record.processId} did not prove itself (${step}: ${messageOf(cause)}); ${words}`;
  return new AgentError(record.result === 'FAILED' ? 'APPLY_FAILED' : 'APPLY_ROLLED_BACK', message, {
    metadata: { ...metadata, step },
    detail,
    cause,
  });
}

/** What somebody else refused, as an apply tells it: with the apply's id. */
export function refusalOf(record: ApplyRecord, cause: AgentError): AgentError {
  return new AgentError(cause.reason, cause.message, {
    metadata: { ...cause.metadata, apply_id: record.id, process_id: record.processId },
    violations: cause.violations,
    retryAfterMs: cause.retryAfterMs,
    detail: { kind: 'apply', record },
    cause,
  });
}

/** The disk is full, the agent stops: nothing is said of the config, which may be tried again. */
function isOurs(cause: unknown): cause is AgentError {
  return cause instanceof AgentError && (cause.code === 'resource_exhausted' || cause.code === 'unavailable');
}

function failedStep({ steps }: ApplyRecord): StepName | '' {
  return steps.find(({ status }) => status === 'FAILED')?.name ?? '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
