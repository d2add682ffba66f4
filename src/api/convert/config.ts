/** The agent's configuration: proto -> domain. What the room answers has the fields of its messages. */
import type { JsonObject } from '@bufbuild/protobuf';
import type { Candidate } from '../../config/types.ts';
import { invalid } from '../../kernel/errors.ts';
import { dataOf } from './data.ts';

/** Deeper than any key; a document from outside may not nest without end. */
const maxDepth = 32;

/** Exactly one of the two. Throws INVALID_REQUEST. */
export function candidateOf({ document, yaml }: { readonly document?: JsonObject | undefined; readonly yaml: string }): Candidate {
  const data = dataOf(document, 'document', maxDepth);
  // A request that says nothing must not empty the configuration; `{}` does.
  if (data === undefined && yaml === '') throw invalid([{ field: 'document', message: 'is required, or yaml', rule: 'required' }]);
  if (data === undefined) return { yaml };
  if (yaml !== '') throw invalid([{ field: 'yaml', message: 'is given beside document; give one of the two', rule: 'exclusive' }]);
  return { document: data };
}
