import { Writable } from 'node:stream';
import type { Completion } from '../command-spec.ts';
import { commonOptions } from '../common-options.ts';
import type { Context } from '../context.ts';
import { printable } from '../escape.ts';
import { EXIT } from '../failure.ts';
import { type Io, write } from '../io.ts';
import { type CommandLine, completionOf, readCommandLine } from './command-line.ts';

/** What may stand for the word that is being typed, and a few words about it. */
export interface Candidate {
  readonly value: string;
  readonly summary?: string;
}

/** What the shell itself completes: it knows the files better. */
const byShell = { file: ':files', directory: ':directories' } as const;

/** An agent that does not answer at once is not waited for: somebody has pressed a key. */
const answerWithin = '1500ms';

/**
 * Answers a shell: `__complete WORD…`, where the last word is the one that is being typed. One candidate a line, with a tab before what is
 * said of it; or `:files`, `:directories` where the shell shall look for itself. Never an error: a shell that completes shows none.
 */
export async function complete(words: readonly string[], io: Io): Promise<number> {
  const typed = words.at(-1) ?? '';
  const line = readCommandLine(words.slice(0, -1));
  const found = await candidates(line, typed, io).catch(() => []);
  if (typeof found === 'string') await write(io.stdout, `${found}\n`);
  else await write(io.stdout, listed(found.filter(({ value }) => value.startsWith(typed))));
  return EXIT.done;
}

function listed(found: readonly Candidate[]): string {
  // A shell splits what it is given at spaces and line breaks: no id, key or revision has any.
  const usable = found.filter(({ value }) => /^[^\s\p{Cc}]+$/u.test(value));
  return usable.map(({ value, summary = '' }) => `${value}${summary === '' ? '' : `\t${printable(summary)}`}\n`).join('');
}

async function candidates(line: CommandLine, typed: string, io: Io): Promise<readonly Candidate[] | string> {
  const { open, flags, next, command } = line;
  if (open !== undefined) return valuesOf(open.spec.values ?? open.spec.completes, line, { typed, io });
  if (typed.startsWith('-')) {
    return flags.flatMap(({ spellings, spec }) => spellings.map((value) => ({ value, summary: spec.summary })));
  }
  if (next.length > 0) {
    const rows = next.map(({ name, summary }) => ({ value: name, summary }));
    if (command?.load === undefined) return rows;
  }
  return valuesOf(completionOf(line), line, { typed, io });
}

interface Asked {
  readonly typed: string;
  readonly io: Io;
}

async function valuesOf(what: Completion | undefined, line: CommandLine, { typed, io }: Asked): Promise<readonly Candidate[] | string> {
  if (what === undefined) return [];
  if (typeof what !== 'string') return words(what, typed);
  if (what === 'file' || what === 'directory') return byShell[what];
  const { timeout, ...options } = commonOptions(line.given);
  const context: Context = { io: quiet(io), options: { ...options, timeout: timeout ?? answerWithin } };
  const { known } = await import('./known.ts');
  return known(context, what, { line, typed });
}

/** The last of the words that commas separate. */
function words(values: readonly string[], typed: string): readonly Candidate[] {
  const before = typed.slice(0, typed.lastIndexOf(',') + 1);
  return values.map((value) => ({ value: before + value }));
}

/** Warnings would stand in the middle of the line that is being typed. */
function quiet(io: Io): Io {
  return { ...io, stderr: new Writable({ write: (_chunk, _encoding, done) => done() }) };
}
