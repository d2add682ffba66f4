import { type Problem, RefusedError } from '../kernel/errors.ts';
import type { LoadedSettings } from '../settings/index.ts';
import { type Base, candidateTexts, documentOf, guardText } from './candidate.ts';
import { editYaml } from './edit-yaml.ts';
import { leavesOf } from './leaves.ts';
import { asOfDocument, problemsOf } from './refusals.ts';
import { lineOfKey, type Texts, unmaskedText } from './texts.ts';
import type { Candidate } from './types.ts';

export type Load = (texts?: Texts) => LoadedSettings;

export interface Judged {
  readonly texts: Texts;
  readonly loaded: LoadedSettings;
}

/** Where a document is judged when no file is managed: a place that a start would look at. */
const placeOfNone = '/etc/sboxagent/sboxagent.yaml';

/** The files as a candidate would make them, judged as the start judges them. Throws RefusedError with every problem, or INVALID_REQUEST. */
export function judgeCandidate(candidate: Candidate, mask: readonly string[], { base, load }: { base: Base; load: Load }): Judged {
  if ('yaml' in candidate && mask.length === 0) judgeText(candidate.yaml, { base, load });
  try {
    const texts = candidateTexts(candidate, mask, { base, judge: load });
    return { texts, loaded: load(texts) };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw new RefusedError(error.message, { problems: problemsOf(error).map((problem) => whereItStands(problem, base.texts)) });
  }
}

/** The line where the key is today; one that would be new has that of the file as it would be. */
function whereItStands(problem: Problem, texts: Texts): Problem {
  const text = texts.get(problem.file);
  return { ...problem, line: (text === undefined ? undefined : lineOfKey(text, problem.path)) ?? problem.line };
}

/** By the lines of the text itself, before it is taken apart. */
function judgeText(yaml: string, { base, load }: { base: Base; load: Load }): void {
  guardText(yaml);
  const [first = placeOfNone, ...others] = base.texts.keys();
  const kept = [...base.texts.values()].join('\n');
  const text = base.texts.size > 1 ? yaml : unmaskedText(yaml, kept);
  try {
    load(new Map([[first, text], ...others.map((path) => [path, ''] as const)]));
  } catch (error) {
    const problems = asOfDocument(problemsOf(error), [first, ...others]);
    throw new RefusedError(error instanceof Error ? error.message : '', { problems });
  }
}

/** Judges a document where no file is managed: nothing is there that it could keep. Throws RefusedError. */
export function judgeAlone(candidate: Candidate, load: Load): void {
  if ('yaml' in candidate) {
    judgeText(candidate.yaml, { base: { loaded: load(), texts: new Map() }, load });
    return;
  }
  const edits = [...leavesOf(documentOf(candidate)).values()].map(({ path, value }) => ({ path, value }));
  try {
    load(new Map([[placeOfNone, editYaml('', edits)]]));
  } catch (error) {
    throw new RefusedError(error instanceof Error ? error.message : '', { problems: asOfDocument(problemsOf(error), [placeOfNone]) });
  }
}
