/** Every request message is held against the rules of its proto (buf.validate); all faults are told at once. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { late } from '../../kernel/late.ts';
import { maxViolations } from '../convert/data.ts';

/** Late: it brings a language of rules along, and most agents are only asked how they are, by messages without a field. */
const rules = late<typeof import('./validator.ts')>(import.meta, './validator.ts');

/** Throws INVALID_REQUEST with every violation, by the path of the proto: `event.priority`, `events[1].type`. */
export type Validate = <D extends DescMessage>(schema: D, message: MessageShape<D>) => void;

/** A list of choices whose first is the empty text would begin with a comma. */
function messageOf(message: string): string {
  return message.replace(/^must be in list \[, (.*)\]$/, 'must be empty or one of $1');
}

export function createValidate(): Validate {
  return (schema, message) => {
    if (schema.fields.length === 0) return;
    const result = rules().validator.validate(schema, message);
    if (result.kind === 'valid') return;
    if (result.kind === 'error') {
      throw new AgentError('INTERNAL', `the rules of ${schema.typeName} cannot be evaluated`, { cause: result.error });
    }
    throw invalid(
      result.violations
        .slice(0, maxViolations)
        .map((violation) => ({ field: pathToString(violation.field), message: messageOf(violation.message), rule: violation.ruleId })),
    );
  };
}
