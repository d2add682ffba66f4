import { type JsonVisit, type Keys, readJson } from '../../documents/index.ts';
import { nameFolder } from './key-pattern.ts';

/** More than any config has: a list of ten thousand proxies has some 150,000. */
export const maxValues = 300_000;

/** Deeper than any config; Go's decoders stop at 10,000. */
export const maxDepth = 100;

/**
 * JSON with comments and trailing commas, as sing-box and xray read it. A name that stands twice in one table is refused (their decoders
 * take the last one, and compare without case): it would show one value and obey another. `isNames` tells the tables whose keys are the
 * user's own names. Throws TextFaultError.
 */
export function parseConfigJson(
  text: string,
  isNames: (path: readonly string[]) => boolean = () => false,
  visit?: (value: JsonVisit) => void,
): unknown {
  const fold = nameFolder();
  const names = (keys: Keys): NameJudge =>
    judgeNames(isNames(keys.filter((key) => typeof key === 'string').map(fold)) ? (name) => name : fold);
  return readJson(text, { maxDepth, maxValues, relaxed: true, names, ...(visit && { visit }) });
}

type NameJudge = (name: string) => string | undefined;

/** Answers what is wrong with a name that stands twice in one table; `identity` is how the engine compares them. */
export function judgeNames(identity: (name: string) => string): NameJudge {
  const seen = new Set<string>();
  return (name) => {
    const before = seen.size;
    return seen.add(identity(name)).size > before
      ? undefined
      : 'stands twice in its table (the engine compares names without case): keep one';
  };
}
