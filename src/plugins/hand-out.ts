import type { ProbeResult, Supervisor } from '../processes/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { PluginRecord } from './record.ts';
import type { Registry } from './registry.ts';
import type { DocumentKeeper } from './types.ts';

export interface HandOutOptions {
  readonly registry: Registry;
  readonly documents: DocumentKeeper;
  readonly supervisor: Pick<Supervisor, 'readConfigAgain'>;
  readonly logger: Logger;
  readonly retries: () => number;
}

/**
 * Gives a process plugin its new document: the file is written already, the program is told by a signal (or started anew), and the
 * checks that follow say whether it runs with it. A plugin that opened a session of its own answers for itself.
 */
export interface HandOut {
  /** The checks have seen how it is. */
  seen(record: PluginRecord, check: ProbeResult): void;
  stop(): void;
}

export function createHandOut({ registry, documents, supervisor, logger, retries }: HandOutOptions): HandOut {
  /** Revisions that a program was told of, and did not prove yet. */
  const pending = new Map<string, number>();
  const failed = (id: string, error: unknown): void => logger.warn({ plugin: id, err: error }, 'a document could not be handed out');

  const tellProgram = async ({ id, recovery, traceId }: PluginRecord, revision: number): Promise<void> => {
    try {
      await supervisor.readConfigAgain(id, recovery.active ? { traceId } : {});
      pending.set(id, revision);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      await documents.acknowledge(id, { revision, applied: false, message });
    }
  };
  const changed = (id: string): void => {
    const record = registry.find(id);
    if (record === undefined) return;
    const { revision, appliedRevision, applyState } = documents.get(id);
    const differs = revision !== record.configRevision || appliedRevision !== record.appliedConfigRevision;
    record.configRevision = revision;
    record.appliedConfigRevision = appliedRevision;
    if (differs) registry.touch(record);
    if (record.unit !== undefined && record.session === undefined && applyState === 'PENDING' && pending.get(id) !== revision) {
      pending.delete(id);
      tellProgram(record, revision).catch((error: unknown) => failed(id, error));
    }
  };
  const stopListening = documents.onChange(changed);
  for (const record of registry.all()) {
    const { revision, appliedRevision, applyState } = documents.get(record.id);
    record.configRevision = revision;
    record.appliedConfigRevision = appliedRevision;
    // What was written before the agent started is read by the program when it starts.
    if (record.unit !== undefined && applyState === 'PENDING') pending.set(record.id, revision);
  }
  return {
    seen(record, check) {
      const revision = pending.get(record.id);
      const threshold = record.unit?.readiness?.failureThreshold ?? retries();
      if (revision === undefined || (!check.ok && record.checks.failures < threshold)) return;
      pending.delete(record.id);
      documents
        .acknowledge(record.id, { revision, applied: check.ok, message: check.ok ? '' : check.message })
        .catch((error: unknown) => failed(record.id, error));
    },
    stop: stopListening,
  };
}
