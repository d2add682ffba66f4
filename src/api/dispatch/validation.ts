/** Every request message is held against the rules of its proto (buf.validate); all faults are told at once. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { AgentError, invalid } from '../../kernel/errors.ts';
import { maxViolations } from '../convert/data.ts';

/** Throws INVALID_REQUEST with every violation, by the path of the proto: `event.priority`, `events[1].type`. */
export type Validate = <D extends DescMessage>(schema: D, message: MessageShape<D>) => void;

export function createValidate(): Validate {
  const validator = createValidator();
  return (schema, message) => {
    const result = validator.validate(schema, message);
    if (result.kind === 'valid') return;
    if (result.kind === 'error') {
      throw new AgentError('INTERNAL', `the rules of ${schema.typeName} cannot be evaluated`, { cause: result.error });
    }
    throw invalid(
      result.violations
        .slice(0, maxViolations)
        .map((violation) => ({ field: pathToString(violation.field), message: violation.message, rule: violation.ruleId })),
    );
  };
}
