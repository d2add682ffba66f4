import { documentName, editYaml, type Texts } from '../documents/index.ts';
import { type Problem, RefusedError } from '../kernel/errors.ts';
import { mask } from '../kernel/redaction.ts';
import { type LoadedSettings, parseText } from '../settings/index.ts';
import { judgeBlanks } from './blanks.ts';
import { type Base, candidateTexts, documentOf } from './candidate.ts';
import { leavesOf } from './leaves.ts';
import { asOfDocument, problemsOf } from './refusals.ts';
import { lineOfKey, withSecretsOf } from './shown.ts';
import type { Candidate } from './types.ts';

export type Load = (texts?: Texts) => LoadedSettings;

export interface Judged {
  readonly texts: Texts;
  readonly loaded: LoadedSettings;
}

/** Where a document is judged when no file is managed: a place that a start would look at. */
const placeOfNone = '/etc/sboxagent/sboxagent.yaml';

/** The files as a candidate would make them, judged as the start judges them. Throws RefusedError with every problem, or INVALID_REQUEST. */
export function judgeCandidate(candidate: Candidate, keys: readonly string[], { base, load }: { base: Base; load: Load }): Judged {
  if ('yaml' in candidate && keys.length === 0) {
    const judged = judgeText(candidate.yaml, { base, load });
    if (base.texts.size <= 1) return judged;
  }
  try {
    const texts = candidateTexts(candidate, keys, { base, judge: load });
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

/** Nobody sees it, so it stays where it is. */
const byteOrderMark = '\uFEFF';

/** By the lines of the text itself, as the one file, or in place of all. */
function judgeText(yaml: string, { base, load }: { base: Base; load: Load }): Judged {
  const [first = placeOfNone, ...others] = base.texts.keys();
  const masks = base.texts.size === 1 && yaml.includes(mask);
  if (masks) parseText(yaml, documentName);
  const kept = base.texts.get(first) ?? '';
  const text =
    (kept.startsWith(byteOrderMark) ? byteOrderMark : '') + (masks ? withSecretsOf(yaml, kept) : yaml).replace(byteOrderMark, '');
  const texts = new Map([[first, text], ...others.map((path) => [path, ''] as const)]);
  try {
    return { texts, loaded: load(texts) };
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
  const document = documentOf(candidate);
  judgeBlanks(document, () => true, { load, paths: [placeOfNone] });
  const edits = [...leavesOf(document).values()].map(({ path, value }) => ({ path, value }));
  try {
    load(new Map([[placeOfNone, editYaml('', edits)]]));
  } catch (error) {
    throw new RefusedError(error instanceof Error ? error.message : '', { problems: asOfDocument(problemsOf(error), [placeOfNone]) });
  }
}
