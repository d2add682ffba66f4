/** AuditService: who did what. */
import { create, toBinary } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { AuditEntrySchema } from '../../../gen/es/sboxagent/v1/audit_pb.js';
import { AuditFilterSchema, type AuditService } from '../../../gen/es/sboxagent/v1/audit_service_pb.js';
import type { Audit } from '../../audit/types.ts';
import { auditFilter, auditMessage } from '../convert/audit.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';

export interface AuditServiceDeps {
  readonly audit: Pick<Audit, 'list'>;
}

export function auditService({ audit }: AuditServiceDeps): ServiceImpl<typeof AuditService> {
  return {
    async listAuditEntries(request) {
      const order = request.orderBy === 'sequence' || request.orderBy === 'sequence asc' ? 'asc' : 'desc';
      const binding = pageBinding('audit', toBinary(AuditFilterSchema, request.filter ?? create(AuditFilterSchema)), order);
      const cursor = readPageToken(request.pageToken, binding, 'number');
      const filter = auditFilter(request.filter);
      const { entries, nextCursor } = await audit.list({ filter, order, pageSize: pageSize(request.pageSize), cursor });
      const page = withinPage(AuditEntrySchema, entries.map(auditMessage));
      const next = page.length < entries.length ? entries[page.length - 1]?.sequence : nextCursor;
      return { entries: page, nextPageToken: pageToken(binding, next) };
    },
  };
}
