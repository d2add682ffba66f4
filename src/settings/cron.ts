import { createRequire } from 'node:module';
import type { Cron } from 'croner';

/** What else than five or six fields is understood: `@daily` and its like. (croner takes dates too, which come once.) */
const form = /^(?:@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|[^@\s]\S*(?:\s+\S+){4,5})$/i;

/**
 * The times of a cron line, by the wall clock of this machine. croner counts as valid only what its constructor takes, so a line is judged
 * by making one. Throws RangeError, with the reason, on a line that means nothing or never comes after `wallMs`.
 */
export function parseCron(line: string, wallMs: number): Cron {
  const text = line.trim();
  if (!form.test(text))
    throw new RangeError(`${line} is no cron line of 5 or 6 fields, and not @hourly, @daily, @weekly, @monthly or @yearly`);
  // Loaded where there is a line: most have none, and commands judge none.
  const croner = createRequire(import.meta.url)('croner') as typeof import('croner');
  const cron = made(() => new croner.Cron(text, { paused: true }), line);
  if (cron.nextRun(new Date(wallMs)) === null) throw new RangeError(`the cron line ${line} never comes`);
  return cron;
}

function made(make: () => Cron, line: string): Cron {
  try {
    return make();
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    throw new RangeError(`${line} is no cron line: ${why}`, { cause: error });
  }
}
