import { ConnectError } from '@connectrpc/connect';
import { BadRequestSchema } from '../../../gen/es/google/rpc/error_details_pb.js';
import { type Apply, ApplySchema } from '../../../gen/es/sboxagent/v1/process_config_pb.js';

/** What an error says to a person: the agent's own sentence. */
export function sentenceOf(error: unknown): string {
  return ConnectError.from(error).rawMessage;
}

export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

export function violationsOf(error: unknown): readonly FieldViolation[] {
  return ConnectError.from(error)
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations);
}

/** The record of an apply that was refused or undone. */
export function applyOf(error: unknown): Apply | undefined {
  return ConnectError.from(error).findDetails(ApplySchema)[0];
}
