import { AgentError } from '../../kernel/errors.ts';
import type { Store } from '../../store/index.ts';
import type { ApplyRow } from './applies-procedures.ts';
import type { ApplyRecord } from './types.ts';

/** Applies of each process that are kept. */
const keep = 100;

/** The applies on the disk, and those under way. */
export interface ApplyRecords {
  /** Durable when it resolves. */
  save(record: ApplyRecord): Promise<void>;
  /** Those under way as they are at this moment. Throws APPLY_NOT_FOUND. */
  find(id: string): Promise<ApplyRecord>;
  /** Those that a death of the agent interrupted, oldest first. */
  unfinished(): Promise<readonly ApplyRecord[]>;
  /** Shows a record that is being written until the function is called that it answers. */
  show(id: string, current: () => ApplyRecord): () => void;
}

export function createApplyRecords(store: Pick<Store, 'read' | 'write'>): ApplyRecords {
  const live = new Map<string, () => ApplyRecord>();
  return {
    async save(record) {
      const row: ApplyRow = { id: record.id, processId: record.processId, phase: record.phase, record: JSON.stringify(record) };
      await store.write('process_applies', 'save', { row, keep });
    },
    async find(id) {
      const current = live.get(id);
      if (current !== undefined) return current();
      const row = await store.read<ApplyRow | undefined>('process_applies', 'find', { id });
      if (row === undefined) throw new AgentError('APPLY_NOT_FOUND', `there is no apply ${id}`, { metadata: { apply_id: id } });
      return JSON.parse(row.record) as ApplyRecord;
    },
    async unfinished() {
      const rows = await store.read<readonly ApplyRow[]>('process_applies', 'unfinished', {});
      return rows.map((row) => JSON.parse(row.record) as ApplyRecord);
    },
    show(id, current) {
      live.set(id, current);
      return () => live.delete(id);
    },
  };
}
