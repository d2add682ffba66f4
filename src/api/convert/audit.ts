/** Filters of the audit: proto -> domain. An entry has the fields of its message. */
import type { AuditFilter as ProtoFilter } from '../../../gen/es/sboxagent/v1/audit_service_pb.js';
import type { AuditFilter } from '../../audit/types.ts';
import { spanMs } from './time.ts';

/** Throws INVALID_REQUEST for moments that are none. */
export function auditFilter(filter: ProtoFilter | undefined): AuditFilter {
  const { principals = [], methods = [], targets = [], codes = [] } = filter ?? {};
  return { principals, methods, targets, codes: codes.map((code) => code.toUpperCase()), ...spanMs(filter) };
}
