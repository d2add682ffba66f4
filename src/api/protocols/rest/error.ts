/** The error of REST: the body, and the `error` of a stream's last frame. */
import type { DescMessage } from '@bufbuild/protobuf';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../../gen/es/google/rpc/error_details_pb.js';
import { ApplySchema } from '../../../../gen/es/sboxagent/v1/process_config_pb.js';
import type { ErrorCode } from '../../../kernel/catalogue.ts';
import type { AgentError } from '../../../kernel/errors.ts';
import { jsonWriter } from '../../codec/json.ts';
import { bounded, shortApply } from '../../errors/bounded.ts';
import { errorDomain } from '../../errors/status.ts';

export interface RestErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: readonly Readonly<Record<string, unknown>>[];
}

/** REST's body; also the `error` of a stream's last frame. */
export function toRestBody(whole: AgentError): RestErrorBody {
  const error = bounded(whole);
  const type = (desc: DescMessage): string => `type.googleapis.com/${desc.typeName}`;
  const list: Record<string, unknown>[] = [
    { '@type': type(ErrorInfoSchema), reason: error.reason, domain: errorDomain, metadata: error.metadata },
  ];
  if (error.violations.length > 0) {
    const violations = error.violations.map((v) => ({ field: v.field, description: v.message, reason: v.rule ?? '' }));
    list.push({ '@type': type(BadRequestSchema), field_violations: violations });
  }
  if (error.retryAfterMs !== undefined)
    list.push({ '@type': type(RetryInfoSchema), retry_delay: `${Math.ceil(error.retryAfterMs) / 1000}s` });
  if (error.detail !== undefined) {
    const json: object = JSON.parse(jsonWriter(ApplySchema)(shortApply(error.detail)));
    list.push({ '@type': type(ApplySchema), ...json });
  }
  return { code: error.code, message: error.message, details: list };
}
