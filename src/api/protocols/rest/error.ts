/** The error of REST: the body, and the `error` of a stream's last frame. */
import type { ErrorCode } from '../../../kernel/catalogue.ts';
import type { AgentError } from '../../../kernel/errors.ts';
import { jsonWriter } from '../../codec/json.ts';
import { cutText, maxMessageBytes } from '../../errors/bounded.ts';
import { errorDetails } from '../../errors/status.ts';

interface RestErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: readonly Readonly<Record<string, unknown>>[];
}

export function toRestBody(error: AgentError): RestErrorBody {
  const details = errorDetails(error).map(({ desc, value }): Record<string, unknown> => {
    const json: object = JSON.parse(jsonWriter(desc)(value));
    return { '@type': `type.googleapis.com/${desc.typeName}`, ...json };
  });
  return { code: error.code, message: cutText(error.message, maxMessageBytes), details };
}
