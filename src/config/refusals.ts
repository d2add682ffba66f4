import { documentName } from '../documents/index.ts';
import type { Problem } from '../kernel/errors.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';

/** What is wrong, each by itself. Throws what is no refusal on. */
export function problemsOf(error: unknown): readonly Problem[] {
  if (!(error instanceof RefusedError)) throw error;
  if (error.problems.length > 0) return error.problems;
  return [{ path: '', file: '', line: 0, rule: 'unfit', message: error.message }];
}

/** `file:line: key: what is wrong`, without what is not known. */
function problemLine({ file, line, path, message }: Problem): string {
  const place = line > 0 ? `${file}:${line}` : file;
  return [place, path, message].filter((part) => part !== '').join(': ');
}

export function configInvalid(problems: readonly Problem[], cause?: unknown): AgentError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const message = first === undefined ? 'the configuration is not fit' : `${problemLine(first)}${more}`;
  return new AgentError('CONFIG_INVALID', message, {
    ...(first !== undefined && { metadata: { file: first.file, line: String(first.line), key: first.path } }),
    violations: problems.slice(0, 100).map((problem) => ({
      field: problem.path === '' ? documentName : problem.path,
      message: problemLine({ ...problem, path: '' }),
      rule: problem.rule,
    })),
    cause,
  });
}

/** Judges files whose texts came with the request: what is refused in them is told of that document. `line`: where its lines are not theirs. */
export function judgeAsDocument<T>(judge: () => T, paths: readonly string[], line?: number): T {
  try {
    return judge();
  } catch (error) {
    const problems = problemsOf(error).map((problem) =>
      paths.includes(problem.file) ? { ...problem, file: documentName, line: line ?? problem.line } : problem,
    );
    throw new RefusedError(error instanceof Error ? error.message : '', { problems });
  }
}
