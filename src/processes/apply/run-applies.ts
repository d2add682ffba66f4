import { existsSync } from 'node:fs';
import type { Head, Texts } from '../../documents/index.ts';
import type { Journal } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import { ulid } from '../../kernel/ids.ts';
import { within } from '../../kernel/within.ts';
import type { Logger, Metrics, Spans } from '../../telemetry/types.ts';
import type { ProcessContext } from '../context.ts';
import { type ApplyLog, createApplyLog } from './apply-log.ts';
import { readinessOf, soakOf } from './apply-probe.ts';
import { giveNewConfig } from './candidate-file.ts';
import { assertEtag, type ConfigHolder, configPathOf, currentText, formatOfHolder } from './holder.ts';
import { judgeCandidate } from './judge.ts';
import type { ApplySupervisor } from './open-configs.ts';
import { noteProofs, proofsOf } from './proofs.ts';
import type { ApplyRecords } from './records.ts';
import type { Recovered } from './recover.ts';
import { type ApplySubject, createSubject } from './subject.ts';
import { refusalOf, runApply } from './transaction.ts';
import type { ApplyOptions, ApplyRecord } from './types.ts';

/** Applies of one process that may wait for their turn. */
const longestQueue = 8;
/** What is under way when the agent ends is taken back within this time, else by the next agent. */
const stopPatienceMs = 4000;

export interface AppliesOptions {
  readonly context: Pick<ProcessContext, 'stateDir' | 'path' | 'environment'>;
  readonly records: ApplyRecords;
  readonly journal: Pick<Journal, 'emit'>;
  readonly metrics: Metrics;
  readonly spans?: Spans | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A candidate on its way: what a caller wants, or what was found in the file. */
export interface ApplyRequest extends ApplyOptions {
  /** The file has the candidate already: it was edited by hand. */
  readonly fromFile?: boolean;
}

export interface Applies {
  start(supervisor: ApplySupervisor): void;
  apply(holder: ConfigHolder, request: ApplyRequest): Promise<ApplyRecord>;
  /** Makes the engine run with the file that was put in order, and writes down how an interrupted apply ended. */
  finishRecovered(holder: ConfigHolder, recovered: Recovered): Promise<void>;
  stop(): Promise<void>;
}

export function createApplies({ context, records, journal, metrics, spans, clock, logger }: AppliesOptions): Applies {
  const stopping = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  const results = metrics.counter('sboxagent_config_applies_total');
  let supervisor: ApplySupervisor | undefined;

  const openLog = (first: ApplyRecord): ApplyLog =>
    createApplyLog({ first, save: records.save, emit: (event) => journal.emit(event), spans, clock, logger });

  const subjectOf = (by: ApplySupervisor, holder: ConfigHolder, traceId: string): ApplySubject => {
    const { unit, engine } = holder;
    const probes = { readiness: readinessOf(context, holder, clock), probe: soakOf(context, holder, clock) };
    return createSubject({ supervisor: by, unit, engine, traceId, clock, ...probes, stopping: stopping.signal });
  };

  /** The config is in effect whether or not that can be written down: it is noted again when the process is READY the next time. */
  const noteProof = ({ document, id }: ConfigHolder, revision: number): Promise<void> =>
    noteProofs(document, { running: revision, lastGood: revision }).catch((err: unknown) =>
      logger.warn({ err, process: id, revision }, 'that a config has proved itself could not be written down'),
    );

  const transact = async (
    by: ApplySupervisor,
    holder: ConfigHolder,
    { request, log }: { request: ApplyRequest; log: ApplyLog },
  ): Promise<ApplyRecord> => {
    const { document, unit, engine } = holder;
    assertEtag(holder, request.etag);
    if (!request.validateOnly && !request.fromFile) await recordFile(holder);
    const subject = subjectOf(by, holder, request.author.traceId);
    const current = currentText(holder);
    const isNew = !existsSync(configPathOf(unit));
    const { running, lastGood } = proofsOf(document);
    const runsCurrent = subject.isUp() && running > 0 && running === document.head?.revision && document.disk().kind === 'same';
    const done = await runApply({
      subject,
      document,
      log,
      author: request.author,
      validateOnly: request.validateOnly === true,
      fromFile: request.fromFile === true,
      lastGood,
      giveFile: () => isNew && giveNewConfig(configPathOf(unit), unit),
      judge: () =>
        judgeCandidate(context, {
          ...{ unit, engine, log, current, runsCurrent, configPath: configPathOf(unit), text: request.content },
          format: request.format ?? formatOfHolder(holder),
          runs: subject.isUp(),
        }),
    });
    if (done.result === 'APPLIED' && done.runningRevision > 0) await noteProof(holder, done.runningRevision);
    return done;
  };

  const begin = (holder: ConfigHolder, request: ApplyRequest): { readonly log: ApplyLog; readonly work: Promise<ApplyRecord> } => {
    if (supervisor === undefined || stopping.signal.aborted)
      throw new AgentError('SHUTTING_DOWN', `the config of ${holder.id} is not changed: the agent starts or stops`);
    if (holder.waiting >= longestQueue) {
      throw new AgentError('APPLY_QUEUE_FULL', `${longestQueue} applies to ${holder.id} wait already`, {
        metadata: { process_id: holder.id },
        retryAfterMs: 5000,
      });
    }
    const by = supervisor;
    const log = openLog(firstRecord(holder, request, clock.wallMs()));
    const hide = records.show(log.record().id, log.record);
    holder.waiting += 1;
    const work = holder.document
      .run(() => transact(by, holder, { request, log }))
      .finally(() => {
        holder.waiting -= 1;
        underWay.delete(work);
        hide();
        const { result } = log.record();
        if (result !== 'PENDING' && result !== 'VALID') results.add(1, { result: result.toLowerCase() });
      });
    underWay.add(work);
    return { log, work };
  };

  return {
    start(by) {
      supervisor = by;
    },
    async apply(holder, request) {
      if (request.background !== true) return begin(holder, request).work;
      assertEtag(holder, request.etag);
      const { log, work } = begin(holder, request);
      work.catch((error: unknown) =>
        logger.info({ process: holder.id, apply: log.record().id, error: String(error) }, 'an apply in the background did not go through'),
      );
      await records.save(log.record()).catch((error: unknown) => {
        // It goes on all the same: whoever asked can look for it.
        throw error instanceof AgentError ? refusalOf(log.record(), error) : error;
      });
      return log.record();
    },
    async finishRecovered(holder, { record, result, mustTakeUp }) {
      const log = openLog(record);
      const { document, id } = holder;
      let runs = true;
      if (mustTakeUp && supervisor !== undefined && supervisor.get(id).desired === 'UP') {
        const by = supervisor;
        runs = await log
          .step('restart', () => by.restart(id, { traceId: record.traceId }))
          .then(
            () => true,
            () => false,
          );
      }
      const revision = document.head?.revision ?? 0;
      const isUp = supervisor !== undefined && subjectOf(supervisor, holder, record.traceId).isUp();
      // An engine that nobody touched runs with what it ran with, which is not what a person has written into its file since.
      const takesHead = result === 'APPLIED' || mustTakeUp;
      log.note({ runningRevision: !isUp ? 0 : takesHead ? revision : proofsOf(document).running });
      if (isUp && runs && result === 'APPLIED') await noteProof(holder, revision);
      await log.finish(runs ? result : 'FAILED');
    },
    async stop() {
      stopping.abort(new AgentError('SHUTTING_DOWN', 'the agent is stopping'));
      await within(clock, stopPatienceMs, Promise.allSettled([...underWay]));
    },
  };
}

/** What a person wrote becomes a revision of its own before anything takes its place. */
export async function recordFile({ document, unit }: ConfigHolder): Promise<void> {
  const disk = document.disk();
  if (disk.kind !== 'changed' || !hasContent(disk.texts)) return;
  await document.adopt({
    texts: disk.texts,
    author: { name: 'file', reason: foundReason(document.head, configPathOf(unit)), traceId: '' },
  });
}

function foundReason(head: Head | undefined, path: string): string {
  if (head === undefined) return 'found at the first look';
  return head.texts.has(path) ? 'changed by hand' : 'config_path was changed';
}

function hasContent(texts: Texts): boolean {
  return [...texts.values()].some((text) => text.trim() !== '');
}

function firstRecord({ id }: ConfigHolder, { author }: ApplyRequest, nowMs: number): ApplyRecord {
  return {
    id: ulid(nowMs),
    processId: id,
    phase: 'CHECKING',
    result: 'PENDING',
    fromRevision: 0,
    revision: 0,
    runningRevision: 0,
    steps: [],
    engineOutput: [],
    violations: [],
    diff: '',
    impact: { restart: false, dropsConnections: false, portsAdded: [], portsRemoved: [] },
    traceId: author.traceId,
    author: author.name,
    reason: author.reason,
    startTimeMs: nowMs,
  };
}
