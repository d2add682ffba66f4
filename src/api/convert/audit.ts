/** Entries of the audit: domain -> proto. */
import { create } from '@bufbuild/protobuf';
import { AuditEntrySchema, type AuditEntry as AuditMessage } from '../../../gen/es/sboxagent/v1/audit_pb.js';
import type { AuditFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/audit_service_pb.js';
import type { AuditEntry, AuditFilter } from '../../audit/types.ts';
import { ceilMs, checkSpan, fromMs } from './time.ts';

export function auditMessage(entry: AuditEntry): AuditMessage {
  const { sequence, timeMs, changes, ...rest } = entry;
  return create(AuditEntrySchema, { ...rest, sequence: BigInt(sequence), time: fromMs(timeMs), changes: [...changes] });
}

/** Throws INVALID_REQUEST for moments that are none. */
export function auditFilter(filter: ProtoFilter | undefined): AuditFilter {
  checkSpan(filter);
  return {
    principals: filter?.principals ?? [],
    methods: filter?.methods ?? [],
    targets: filter?.targets ?? [],
    codes: filter?.codes.map((code) => code.toUpperCase()) ?? [],
    sinceMs: filter?.since === undefined ? undefined : ceilMs(filter.since),
    untilMs: filter?.until === undefined ? undefined : ceilMs(filter.until),
  };
}
