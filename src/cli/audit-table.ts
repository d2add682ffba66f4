import type { AuditEntry } from '../../gen/ts/sboxagent/v1/audit.ts';
import type { Column } from './table.ts';

export const auditColumns: readonly Column<AuditEntry>[] = [
  { title: 'SEQ', cell: ({ sequence }) => sequence },
  { title: 'TIME', cell: ({ time }) => time ?? '', width: 24 },
  { title: 'WHO', cell: ({ principal }) => principal, width: 8, least: 8 },
  { title: 'FROM', cell: ({ via, peer }) => (peer === '' || peer === via ? via : `${via} ${peer}`), width: 8, least: 6, drop: 2 },
  { title: 'METHOD', cell: ({ method }) => method.replace(/^sboxagent\.v1\./, ''), width: 20, least: 16 },
  { title: 'TARGET', cell: ({ target }) => target, width: 8, least: 6 },
  {
    title: 'RESULT',
    cell: ({ code, reason }) => (reason === '' ? code : `${code} ${reason}`),
    colour: ({ code }) => (code === 'OK' ? 'green' : 'red'),
  },
  { title: 'TRACE', cell: ({ trace_id }) => trace_id, drop: 3 },
  { title: 'CHANGES', cell: ({ changes }) => changes.join(', ') },
];
