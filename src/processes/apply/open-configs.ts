import type { Journal } from '../../events/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { UnitSettings } from '../../settings/types.ts';
import type { OpenStore } from '../../store/index.ts';
import type { Logger, Metrics, Spans } from '../../telemetry/types.ts';
import type { ProcessContext } from '../context.ts';
import { realPathOf } from '../engines/real-path.ts';
import type { ProcessTrial, Supervisor, TrialOptions } from '../types.ts';
import { createFileApplies } from './file-applies.ts';
import { type ConfigHolder, configPathOf, hasConfig, openHolder } from './holder.ts';
import { proofsOf } from './proofs.ts';
import { createApplyRecords } from './records.ts';
import { type Recovered, recoverDocument } from './recover.ts';
import { createApplies } from './run-applies.ts';
import type { ProcessConfigs } from './types.ts';
import { configView, diffToLastGood, revisionViews } from './view.ts';
import { watchProofs } from './watch-proofs.ts';

export type ApplySupervisor = Pick<Supervisor, 'get' | 'list' | 'onChange' | 'restart'> & {
  beginTrial(id: string, options: TrialOptions): ProcessTrial;
};

export interface ConfigsOptions {
  readonly units: Readonly<Record<string, UnitSettings>>;
  readonly context: Pick<ProcessContext, 'stateDir' | 'path' | 'environment'>;
  readonly store: OpenStore;
  readonly journal: Pick<Journal, 'emit'>;
  readonly metrics: Metrics;
  readonly spans?: Spans;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface OpenConfigs extends ProcessConfigs {
  /** Brings the documents into line with new settings; before the supervisor gets them. */
  setUnits(units: Readonly<Record<string, UnitSettings>>): Promise<void>;
  /** From here on applies are taken, and what the last agent left undone is done. Call it once the supervisor has adopted what runs. */
  start(supervisor: ApplySupervisor): Promise<void>;
  /** Ends what is under way: it is taken back, now or by the next agent. */
  stop(): Promise<void>;
  /** Revision in effect; 0 where there is none. */
  revisionOf(id: string): number;
  /** Newest revision that proved itself; 0 where there is none. */
  lastGoodOf(id: string): number;
  /** Masked diff from the last config that proved itself to the one in effect; empty where they are the same. */
  diffToLastGood(id: string): Promise<string>;
}

/**
 * The configs of the engines as managed documents. When this resolves every file is in order (an apply that a death of the agent
 * interrupted was finished or undone), so that whoever starts engines afterwards starts them with what proved itself.
 */
export async function openProcessConfigs(options: ConfigsOptions): Promise<OpenConfigs> {
  const { logger, store } = options;
  const holders = new Map<string, ConfigHolder>();
  /** Of units that were taken out while an apply was under way: the file is theirs until that has ended. */
  const leaving = new Map<string, Promise<void>>();
  const records = createApplyRecords(store);
  const applies = createApplies({ ...options, records });
  const fileApplies = createFileApplies({ holders: () => holders.values(), applies, clock: options.clock, logger });
  const stateDir = options.context.stateDir;
  let known: ApplySupervisor | undefined;
  let stopWatching = (): void => undefined;
  const open = async (unit: UnitSettings): Promise<void> => {
    const holder = await openHolder({ ...options, stateDir }, unit);
    holders.set(unit.id, holder);
  };
  const release = (id: string, { document }: ConfigHolder): void => {
    holders.delete(id);
    const last = document.run(async () => undefined).finally(() => leaving.delete(id));
    leaving.set(id, last);
  };
  const find = (id: string): ConfigHolder => {
    const holder = holders.get(id);
    if (holder !== undefined) return holder;
    // Throws PROCESS_NOT_FOUND where there is no such process at all.
    known?.get(id);
    throw new AgentError('PROCESS_HAS_NO_CONFIG', `${id} has no config of its own`, { metadata: { process_id: id } });
  };
  /** The config that is to be changed. Throws CONFIG_SHARED where it is that of another unit too: two histories of one file would contradict each other. */
  const findAlone = (id: string): ConfigHolder => {
    const holder = find(id);
    const path = realPathOf(configPathOf(holder.unit));
    const other = [...holders.values()].find((one) => one !== holder && realPathOf(configPathOf(one.unit)) === path);
    if (other === undefined) return holder;
    const message = `${id} and ${other.id} share the config file ${path}: give each its own config_path`;
    throw new AgentError('CONFIG_SHARED', message, { metadata: { process_id: id, other_process_id: other.id } });
  };
  await Promise.all(Object.values(options.units).filter(hasConfig).map(open));
  const recovered = await recoverAll();

  async function recoverAll(): Promise<readonly Recovered[]> {
    const unfinished = await records.unfinished().catch((err: unknown) => {
      logger.error({ err }, 'applies of before cannot be read');
      return [];
    });
    const newest = new Map(unfinished.map((record) => [record.processId, record]));
    const all = [...holders.values()].map((holder) => recoverDocument(holder, newest.get(holder.id), logger));
    return (await Promise.all(all)).filter((one) => one !== undefined);
  }

  return {
    async setUnits(units) {
      for (const [id, holder] of holders) if (units[id] === undefined || !hasConfig(units[id])) release(id, holder);
      for (const unit of Object.values(units).filter(hasConfig)) {
        const present = holders.get(unit.id);
        if (present === undefined || present.unit.engine !== unit.engine) {
          if (present !== undefined) release(unit.id, present);
          await leaving.get(unit.id);
          await open(unit);
        } else if (present.unit.configPath === unit.configPath) present.unit = unit;
        else await present.document.run(async () => void Object.assign(present, { unit }));
      }
    },
    async start(supervisor) {
      known = supervisor;
      applies.start(supervisor);
      stopWatching = watchProofs(supervisor, (id) => holders.get(id), logger);
      for (const one of recovered) await applies.finishRecovered(find(one.record.processId), one);
      fileApplies.start();
    },
    async stop() {
      stopWatching();
      // What it applies at this moment is taken back with the rest.
      await Promise.all([fileApplies.stop(), applies.stop()]);
    },
    get: async (id) => configView(find(id)),
    apply: async (id, apply) => applies.apply(findAlone(id), apply),
    async rollback(id, { revision, author, background = false }) {
      const holder = findAlone(id);
      const texts = await holder.document.texts(revision);
      const [content = ''] = texts.values();
      const reason = author.reason === '' ? `back to revision ${revision}` : author.reason;
      return applies.apply(holder, { content, author: { ...author, reason }, background });
    },
    find: (applyId) => records.find(applyId),
    revisions: async (id, page) => revisionViews(find(id), page),
    revisionOf: (id) => holders.get(id)?.document.head?.revision ?? 0,
    lastGoodOf(id) {
      const holder = holders.get(id);
      return holder === undefined ? 0 : proofsOf(holder.document).lastGood;
    },
    diffToLastGood: async (id) => {
      const holder = holders.get(id);
      return holder === undefined ? '' : diffToLastGood(holder);
    },
  };
}
