import { parseYaml, plainValue, type Texts } from '../documents/index.ts';
import type { JsonObject } from '../events/types.ts';
import type { Base } from './candidate.ts';
import { type Judged, judgeCandidate, type Load } from './judge.ts';

/** The files of an earlier revision: as they were; where the agent manages other files by now, what they said. Throws RefusedError. */
export function judgeRevision(texts: Texts, { base, load }: { base: Base; load: Load }): Judged {
  const paths = [...base.texts.keys()];
  if (paths.length === texts.size && paths.every((path) => texts.has(path))) {
    const ordered = new Map(paths.map((path) => [path, texts.get(path) ?? '']));
    return { texts: ordered, loaded: load(ordered) };
  }
  const document: JsonObject = Object.fromEntries([...texts.values()].flatMap((text) => Object.entries(plainValue(parseYaml(text)))));
  return judgeCandidate({ document }, [], { base, load });
}
