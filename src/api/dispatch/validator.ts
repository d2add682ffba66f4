import { createValidator, type Validator } from '@bufbuild/protovalidate';

const patterns = new Map<string, RegExp>();

/** The patterns are those of our own protos, few and simple: V8's engine takes a tenth of the time of an RE2 in JavaScript. */
function regexMatch(pattern: string, text: string): boolean {
  const known = patterns.get(pattern) ?? new RegExp(pattern, 'u');
  patterns.set(pattern, known);
  return known.test(text);
}

export const validator: Validator = createValidator({ regexMatch });
