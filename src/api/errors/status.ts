/** An error as google.rpc has it: its details, and the Status that holds them. */
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../gen/es/google/rpc/error_details_pb.js';
import { type Status, StatusSchema } from '../../../gen/es/google/rpc/status_pb.js';
import { ApplySchema } from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import type { AgentError } from '../../kernel/errors.ts';
import { toMessage } from '../codec/binary.ts';
import { bounded, cutText, maxMessageBytes, shortApply } from './bounded.ts';
import { grpcCode } from './codes.ts';

const errorDomain = 'sboxagent';

type Detail = { readonly desc: DescMessage; readonly value: MessageInitShape<DescMessage> };

function detail<D extends DescMessage>(desc: D, value: MessageInitShape<D>): Detail {
  return { desc, value: value as MessageInitShape<DescMessage> };
}

export function errorDetails(whole: AgentError): Detail[] {
  const error = bounded(whole);
  const list = [detail(ErrorInfoSchema, { reason: error.reason, domain: errorDomain, metadata: { ...error.metadata } })];
  if (error.violations.length > 0) {
    const fieldViolations = error.violations.map((v) => ({ field: v.field, description: v.message, reason: v.rule ?? '' }));
    list.push(detail(BadRequestSchema, { fieldViolations }));
  }
  if (error.retryAfterMs !== undefined) list.push(detail(RetryInfoSchema, { retryDelay: durationFromMs(Math.ceil(error.retryAfterMs)) }));
  if (error.detail !== undefined) list.push(detail(ApplySchema, toMessage(ApplySchema, shortApply(error.detail))));
  return list;
}

/** For gRPC: code, message and details; `grpc-status-details-bin` is its binary form. */
export function toStatus(error: AgentError): Status {
  return create(StatusSchema, {
    code: grpcCode(error.code),
    message: cutText(error.message, maxMessageBytes),
    details: errorDetails(error).map((d) => anyPack(d.desc, create(d.desc, d.value))),
  });
}
