import type { Clock } from '../../kernel/clock.ts';
import { createFollower, type Followed, type Follower } from '../../kernel/follow-files.ts';
import type { Logger } from '../../telemetry/types.ts';
import { type ConfigHolder, currentText } from './holder.ts';
import type { Applies } from './run-applies.ts';

/** A file that was edited counts once it has been still for so long. */
const stillMs = 1000;

export interface FileAppliesOptions {
  readonly holders: () => Iterable<ConfigHolder>;
  readonly applies: Pick<Applies, 'apply'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Follows the configs of units with `apply.on_file_change: apply`: what a person writes is a candidate like any other. */
export function createFileApplies({ holders, applies, clock, logger }: FileAppliesOptions): Follower {
  const followed = new WeakMap<ConfigHolder, Followed>();
  /** What was tried already, by document: a config that was refused is not tried again until the file changes. */
  const tried = new WeakMap<ConfigHolder, string>();
  const take = async (holder: ConfigHolder): Promise<number> => {
    const disk = holder.document.disk();
    if (disk.kind !== 'changed' || holder.waiting > 0 || tried.get(holder) === disk.print) return 0;
    tried.set(holder, disk.print);
    const content = currentText(holder) ?? '';
    const author = { name: 'file', reason: 'changed by hand', traceId: '' };
    await applies
      .apply(holder, { content, author, fromFile: true })
      .catch((error: unknown) =>
        logger.warn({ process: holder.id, error: String(error) }, 'a config that was changed by hand was not put into effect'),
      );
    return 0;
  };
  const documentOf = (holder: ConfigHolder): Followed => {
    const known = followed.get(holder) ?? { files: () => [holder.unit.configPath ?? ''], take: () => take(holder) };
    followed.set(holder, known);
    return known;
  };
  return createFollower({
    clock,
    delayMs: () => stillMs,
    documents: () => [...holders()].filter(({ unit }) => unit.apply.onFileChange === 'apply').map(documentOf),
  });
}
