import type { Logger } from '../../telemetry/types.ts';
import type { ProcessView, Supervisor } from '../types.ts';
import type { ConfigHolder } from './holder.ts';
import { noteProofs } from './proofs.ts';
import { recordFile } from './run-applies.ts';

/**
 * A config that an engine became READY with has proved itself, whoever put it into the file: it becomes a revision where it is none, and
 * the last good one. While an apply is under way that decides. Answers how to stop.
 */
export function watchProofs(
  supervisor: Pick<Supervisor, 'onChange' | 'list'>,
  find: (id: string) => ConfigHolder | undefined,
  logger: Logger,
): () => void {
  const noted = new Map<string, number>();
  const noteProof = (view: ProcessView): void => {
    const holder = find(view.id);
    if (view.state !== 'READY' || holder === undefined || holder.waiting > 0 || noted.get(view.id) === view.pid) return;
    noted.set(view.id, view.pid);
    const note = async (): Promise<void> => {
      await recordFile(holder);
      const revision = holder.document.head?.revision ?? 0;
      if (revision > 0) await noteProofs(holder.document, { running: revision, lastGood: revision });
    };
    holder.document
      .run(note)
      .catch((err: unknown) => logger.warn({ err, process: view.id }, 'that a config proved itself could not be written down'));
  };
  for (const view of supervisor.list()) noteProof(view);
  return supervisor.onChange(({ processes, removedIds }) => {
    for (const view of processes) noteProof(view);
    for (const id of removedIds) noted.delete(id);
  });
}
