import { documentName, type Texts } from '../documents/index.ts';
import { type Problem, RefusedError } from '../kernel/errors.ts';
import { mask } from '../kernel/redaction.ts';
import { parseText } from '../settings/index.ts';
import { candidateTexts } from './candidate.ts';
import { judgeAsDocument, problemsOf } from './refusals.ts';
import type { Load, State } from './room.ts';
import { lineOfKey, withSecretsOf } from './shown.ts';
import type { Candidate } from './types.ts';

/** Where a document is judged when no file is managed: a place that a start would look at. */
const placeOfNone = '/etc/sboxagent/sboxagent.yaml';

/** What is wrong with a document; empty = fit. Where no file is managed, nothing is there that it could keep. */
export function problemsIn(candidate: Candidate, { current, load }: { readonly current: State; readonly load: Load }): readonly Problem[] {
  const isManaged = current.texts.size > 0;
  const base = isManaged ? current : { loaded: load(), texts: new Map([[placeOfNone, '']]) };
  try {
    judgeAsDocument(() => judgeCandidate(candidate, [], { base, load }), isManaged ? [] : [placeOfNone]);
    return [];
  } catch (error) {
    return problemsOf(error);
  }
}

/** The files as a candidate would make them, judged as the start judges them. Throws RefusedError with every problem, or INVALID_REQUEST. */
export function judgeCandidate(candidate: Candidate, keys: readonly string[], { base, load }: { base: State; load: Load }): State {
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
function judgeText(yaml: string, { base, load }: { base: State; load: Load }): State {
  const [first = '', ...others] = base.texts.keys();
  const masks = base.texts.size === 1 && yaml.includes(mask);
  if (masks) parseText(yaml, documentName);
  const kept = base.texts.get(first) ?? '';
  const text =
    (kept.startsWith(byteOrderMark) ? byteOrderMark : '') + (masks ? withSecretsOf(yaml, kept) : yaml).replace(byteOrderMark, '');
  const texts = new Map([[first, text], ...others.map((path) => [path, ''] as const)]);
  return judgeAsDocument(() => ({ texts, loaded: load(texts) }), [first, ...others]);
}
