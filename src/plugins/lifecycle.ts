import type { Journal } from '../events/index.ts';
import { AgentError } from '../kernel/errors.ts';
import type { Supervisor } from '../processes/index.ts';
import type { Collector } from './collector.ts';
import type { Owners } from './owners.ts';
import { emitPluginEvent } from './plugin-events.ts';
import { noChecks, type PluginRecord } from './record.ts';
import type { Recovery } from './recovery.ts';
import type { Registry } from './registry.ts';
import { endSession } from './sessions.ts';
import { firstContact } from './silence.ts';
import type { DocumentKeeper, Plugins, PluginView } from './types.ts';

export interface LifecycleOptions {
  readonly registry: Registry;
  readonly owners: Owners;
  readonly documents: Pick<DocumentKeeper, 'remove'>;
  readonly supervisor: Pick<Supervisor, 'start' | 'stop' | 'restart'>;
  readonly recovery: Recovery;
  readonly collector: Pick<Collector, 'forget' | 'flush'>;
  readonly journal: Pick<Journal, 'emit'>;
  readonly nowMs: () => number;
  readonly evaluate: (record: PluginRecord) => void;
}

/** What a person does with a plugin. */
export function createLifecycle(options: LifecycleOptions): Pick<Plugins, 'enable' | 'disable' | 'start' | 'stop' | 'restart' | 'remove'> {
  const { registry, owners, documents, supervisor, recovery, collector, journal, evaluate } = options;

  const running = (id: string): PluginRecord => {
    const record = registry.get(id);
    const metadata = { plugin_id: id };
    if (record.unit === undefined) throw new AgentError('PLUGIN_NOT_PROCESS', `${id} is not run by the agent`, { metadata });
    return record;
  };
  const enabled = (record: PluginRecord): void => {
    if (!record.enabled) {
      throw new AgentError('PLUGIN_DISABLED', `${record.id} is switched off`, { metadata: { plugin_id: record.id } });
    }
  };
  const settled = async (record: PluginRecord): Promise<PluginView> => {
    evaluate(record);
    registry.touch(record);
    await collector.flush();
    return registry.view(record);
  };
  /** A running one is as good. */
  const startProcess = async (id: string): Promise<void> => {
    try {
      await supervisor.start(id, { command: [], env: {}, cwd: '', waitFor: 'RUNNING', signal: new AbortController().signal });
    } catch (error) {
      if (!(error instanceof AgentError && error.reason === 'PROCESS_ALREADY_RUNNING')) throw error;
    }
  };

  return {
    async enable(id) {
      const record = registry.get(id);
      const wasOff = !record.enabled;
      record.enabled = true;
      recovery.reset(record);
      if (wasOff) {
        record.contact = firstContact(options.nowMs());
        record.leaseEnded = false;
        record.endedItself = false;
        record.report = undefined;
      }
      await collector.flush();
      if (record.unit?.autostart === true) await startProcess(id);
      return settled(record);
    },
    async disable(id) {
      const record = registry.get(id);
      record.enabled = false;
      recovery.reset(record);
      registry.dirty(record);
      await collector.flush();
      endSession(record);
      if (record.unit !== undefined) await supervisor.stop(id, {});
      return settled(record);
    },
    async start(id) {
      const record = running(id);
      enabled(record);
      recovery.reset(record);
      await startProcess(id);
      return settled(record);
    },
    async stop(id) {
      const record = running(id);
      recovery.reset(record);
      await supervisor.stop(id, {});
      return settled(record);
    },
    async restart(id) {
      const record = running(id);
      enabled(record);
      recovery.reset(record);
      record.checks = noChecks();
      await supervisor.restart(id);
      return settled(record);
    },
    async remove(id, caller) {
      const record = registry.get(id);
      if (record.unit !== undefined) {
        throw new AgentError('PLUGIN_DECLARED', `${id} is declared under plugins.units`, { metadata: { plugin_id: id } });
      }
      endSession(record);
      await documents.remove(id);
      collector.forget(id);
      await registry.remove(record);
      if (owners.mayUse(id, caller)) await owners.release(id);
      emitPluginEvent(journal, { id, type: 'removed', data: { kind: record.kind ?? '' }, traceId: '' });
    },
  };
}
