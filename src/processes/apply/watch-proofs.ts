import { hash } from 'node:crypto';
import type { Logger } from '../../telemetry/types.ts';
import type { ProcessView, Supervisor } from '../types.ts';
import { type ConfigHolder, currentText } from './holder.ts';
import { noteProofs } from './proofs.ts';
import { recordFile } from './run-applies.ts';

/**
 * A config that an engine was started with and became READY with has proved itself, whoever put it into the file: it becomes a revision where
 * it is none, and the last good one. While an apply is under way that decides. What an engine runs with that was adopted, or whose file was
 * changed during its start, nobody can tell from the file; of a config without a history it is believed. Call it before anything is started.
 * Answers how to stop.
 */
export function watchProofs(
  supervisor: Pick<Supervisor, 'onChange' | 'list'>,
  find: (id: string) => ConfigHolder | undefined,
  logger: Logger,
): () => void {
  const starting = new Set<string>();
  /** What lay in the file at the beginning of the start that was last seen, as a digest. */
  const startedWith = new Map<string, string>();
  const noted = new Map<string, number>();
  const noteStart = ({ id, state }: ProcessView, holder: ConfigHolder | undefined): void => {
    if (state !== 'STARTING') starting.delete(id);
    if (state !== 'STARTING' || holder === undefined || starting.has(id)) return;
    starting.add(id);
    startedWith.set(id, digestOf(holder));
  };
  const isKnown = (holder: ConfigHolder): boolean => {
    const began = startedWith.get(holder.id);
    return began === undefined ? holder.document.head === undefined : began === digestOf(holder);
  };
  const noteProof = (view: ProcessView): void => {
    const holder = find(view.id);
    noteStart(view, holder);
    if (view.state !== 'READY' || holder === undefined || holder.waiting > 0 || noted.get(view.id) === view.pid) return;
    noted.set(view.id, view.pid);
    const note = async (): Promise<void> => {
      if (!isKnown(holder)) return;
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
    for (const id of removedIds) for (const known of [starting, startedWith, noted]) known.delete(id);
  });
}

function digestOf(holder: ConfigHolder): string {
  return hash('sha256', currentText(holder) ?? '');
}
