import { readdir } from 'node:fs/promises';
import type { Turns } from '../kernel/turns.ts';
import type { Metrics } from '../telemetry/types.ts';
import { type Keep, openSourceFiles, type SourceFiles, type SourceFilesOptions } from './source-files.ts';

const maxSources = 1000;

export interface OpenSourcesOptions {
  readonly dir: string;
  readonly metrics: Metrics;
  readonly keep: () => Keep;
  readonly onRemove: NonNullable<SourceFilesOptions['onRemove']>;
  /** Whether somebody writes to this source now: such a one never makes room for another. */
  readonly inUse: (source: string) => boolean;
  /** Compressions of all sources: each needs its memory, and few at once are as quick. */
  readonly packing: Turns;
  /** A source is there from now on. */
  readonly opened: (source: string) => void;
}

/** The files of all sources, a bounded number of them. */
export interface OpenSources {
  all(): readonly SourceFiles[];
  has(source: string): boolean;
  /** Makes the files of a new source. Rejects where there is no room, or no disk. */
  filesOf(source: string): Promise<SourceFiles>;
  /** Removes what is over the limits; what has nothing left is forgotten unless it `isBusy`. Never rejects. */
  tidy(nowMs: () => number, isBusy: (source: string) => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function openSources(options: OpenSourcesOptions): Promise<OpenSources> {
  const files = new Map<string, SourceFiles>();
  for (const entry of await readdir(options.dir, { withFileTypes: true })) {
    if (entry.isDirectory()) files.set(entry.name, await openSourceFiles({ ...options, source: entry.name }));
  }
  for (const source of files.keys()) options.opened(source);
  /** The one that was written to longest ago makes room, unless somebody still writes to it. */
  const makeRoom = async (): Promise<void> => {
    if (files.size < maxSources) return;
    const idle = [...files.values()].filter(({ source }) => !options.inUse(source));
    const oldest = idle.reduce<SourceFiles | undefined>(
      (a, b) => (a === undefined || b.lastWriteMs() < a.lastWriteMs() ? b : a),
      undefined,
    );
    if (oldest === undefined) {
      options.metrics.counter('sboxagent_limit_refused_total').add(1, { limit: 'log_sources' });
      throw new Error('too many log sources');
    }
    files.delete(oldest.source);
    await oldest.clear();
  };
  return {
    all: () => [...files.values()],
    has: (source) => files.has(source),
    async filesOf(source) {
      const known = files.get(source);
      if (known) return known;
      await makeRoom();
      const made = await openSourceFiles({ ...options, source });
      files.set(source, made);
      options.opened(source);
      return made;
    },
    async tidy(nowMs, isBusy) {
      for (const source of [...files.values()]) {
        await source.tidy(options.keep(), nowMs());
        if (source.list().length > 0 || isBusy(source.source)) continue;
        files.delete(source.source);
        await source.close();
      }
    },
    async close() {
      for (const source of files.values()) await source.close();
    },
  };
}
