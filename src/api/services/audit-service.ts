/** AuditService: who did what. */
import { AuditEntrySchema } from '../../../gen/es/sboxagent/v1/audit_pb.js';
import { AuditFilterSchema, type AuditService } from '../../../gen/es/sboxagent/v1/audit_service_pb.js';
import { encodeMessage } from '../codec/binary.ts';
import { auditFilter } from '../convert/audit.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';

export function auditService({ audit }: Pick<ServiceDeps, 'audit'>): ServiceOf<typeof AuditService> {
  return {
    async listAuditEntries(request) {
      const order = request.orderBy === 'sequence' || request.orderBy === 'sequence asc' ? 'asc' : 'desc';
      const said = [encodeMessage(AuditFilterSchema, request.filter ?? {}), order];
      const asked = askedPage(request, { list: 'audit', said, cursor: 'number' });
      const { entries, nextCursor } = await audit.list({
        ...{ filter: auditFilter(request.filter), order, pageSize: asked.size, cursor: asked.after },
      });
      const total = entries.length + (nextCursor === undefined ? 0 : 1);
      const { page, nextPageToken } = asked.cut(entries, { schema: AuditEntrySchema, cursorOf: ({ sequence }) => sequence, total });
      return { entries: page, nextPageToken };
    },
  };
}
