import { type Problem, RefusedError } from '../kernel/errors.ts';

/** Where something stands: file and line, or `env NAME` and 0. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/**
 * `syntax`: no YAML that we take (broken, too deep, too large, a key twice); `unknown_key`; `type`: of another kind or form;
 * `range`: of the right kind and not allowed; `unfit`: well-formed, and not fit to run with.
 */
export type Rule = 'syntax' | 'unknown_key' | 'type' | 'range' | 'unfit';

export interface Fault {
  readonly rule: Rule;
  /** What is wrong; remedy. */
  readonly message: string;
}

/** Whoever reads them mends a few and asks again. */
const MAX_PROBLEMS = 100;
/** Longer than that of any key there is, with the longest id. */
const LONGEST_PATH = 160;

/**
 * The one form of a refusal: `<file>:<line>: <key>: what is wrong; remedy`, on one line whatever the parts hold, and the same
 * as a problem. A fault that is a text alone is `unfit`.
 */
export function refuse(at: Place, path: string, fault: Fault | string): RefusedError {
  const { rule, message } = typeof fault === 'string' ? { rule: 'unfit', message: fault } : fault;
  const problem: Problem = { path: oneLine(short(path, LONGEST_PATH)), file: at.file, line: at.line, rule, message: oneLine(message) };
  return new RefusedError(lineOf(problem), { problems: [problem] });
}

export function syntax(message: string): Fault {
  return { rule: 'syntax', message };
}

/** A text cut to what a line of a message bears. */
export function short(text: string, most = 100): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function lineOf({ path, file, line, message }: Problem): string {
  return oneLine(`${line > 0 ? `${file}:${line}` : file}: ${path === '' ? '' : `${path}: `}${message}`);
}

/** Gathers what is wrong with a configuration, so that all of it is told at once. */
export interface Problems {
  /** @throws RefusedError with all, when there are as many as anybody reads. */
  add(refused: RefusedError): void;
  /** What `run` answers; undefined when it was refused, which is added. */
  attempt<T>(run: () => T): T | undefined;
  /** Whether one of these keys, or what is below or above it, is wrong already: what follows from it is not told too. */
  touches(paths: readonly string[]): boolean;
  has(rule: Rule): boolean;
  /** @throws RefusedError when something is wrong: its line tells the first problem in the order of `files`, its problems all. */
  settle(files: readonly string[]): void;
}

export function gatherProblems(): Problems {
  const all: Problem[] = [];
  const within = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || a.startsWith(`${b}[`);
  const settle = (files: readonly string[]): void => {
    const [first, ...more] = inOrder(all, files);
    if (first === undefined) return;
    const line = lineOf(first) + (more.length > 0 ? ` (and ${more.length} more)` : '');
    throw new RefusedError(line, { problems: [first, ...more] });
  };
  const add = (refused: RefusedError): void => {
    all.push(...refused.problems.slice(0, MAX_PROBLEMS - all.length));
    if (all.length >= MAX_PROBLEMS) settle([]);
  };
  return {
    add,
    attempt(run) {
      try {
        return run();
      } catch (error) {
        // One with many is that of a full list.
        if (!(error instanceof RefusedError) || error.problems.length !== 1) throw error;
        add(error);
        return undefined;
      }
    },
    touches: (paths) => all.some((problem) => paths.some((path) => within(problem.path, path) || within(path, problem.path))),
    has: (rule) => all.some((problem) => problem.rule === rule),
    settle,
  };
}

/** By file and line; what stands in no file comes last. */
function inOrder(problems: readonly Problem[], files: readonly string[]): readonly Problem[] {
  const rank = ({ file }: Problem): number => (files.includes(file) ? files.indexOf(file) : files.length);
  return problems.toSorted((a, b) => rank(a) - rank(b) || a.line - b.line);
}
