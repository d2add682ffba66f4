import type { Apply, Apply_Step, ProcessConfigRevision } from '../../gen/ts/sboxagent/v1/process_config.ts';
import { printable } from './escape.ts';
import { type Colour, type Column, listTable, paint, type Style, table } from './table.ts';
import { wrapText } from './text-width.ts';

const stepColours: Readonly<Record<Apply_Step['status'], Colour | undefined>> = {
  STATUS_UNSPECIFIED: undefined,
  ACTIVE: 'yellow',
  PASSED: 'green',
  FAILED: 'red',
  SKIPPED: 'dim',
};

export const stepColumns: readonly Column<Apply_Step>[] = [
  { title: 'STEP', width: 7, cell: ({ name }) => name },
  { title: 'STATUS', width: 7, cell: ({ status }) => status, colour: ({ status }) => stepColours[status] },
  { title: 'TOOK', width: 8, cell: took },
  { title: 'MESSAGE', cell: ({ message }) => message },
];

function took({ start_time, end_time }: Apply_Step): string {
  if (start_time === undefined || end_time === undefined) return '';
  return `${Math.max(0, Date.parse(end_time) - Date.parse(start_time))} ms`;
}

const diffColours: readonly (readonly [RegExp, Colour])[] = [
  [/^(---|\+\+\+|@@)/, 'dim'],
  [/^\+/, 'green'],
  [/^-/, 'red'],
];

/** A unified diff with its colours. */
export function diffText(diff: string, style: Style): string {
  if (diff === '') return '';
  const lines = diff.replace(/\n$/, '').split('\n');
  const shown = lines.flatMap((line) => {
    const colour = diffColours.find(([form]) => form.test(line))?.[1];
    return wrapText(printable(line), style.width).map((part) => paint(part, colour, style));
  });
  return `${shown.join('\n')}\n`;
}

/** What it means for the engine and its connections; `isAsked`: what it would mean. */
export function impactLine({ impact }: Apply, isAsked = false): string {
  if (impact === undefined) return '';
  const words = [
    impact.restart ? `the engine ${isAsked ? 'would be' : 'is'} restarted` : '',
    impact.drops_connections ? `connections ${isAsked ? 'would be' : 'are'} cut` : '',
    impact.ports_added.length > 0 ? `${isAsked ? 'would open' : 'opens'} ${impact.ports_added.join(', ')}` : '',
    impact.ports_removed.length > 0 ? `${isAsked ? 'would close' : 'closes'} ${impact.ports_removed.join(', ')}` : '',
  ].filter((word) => word !== '');
  return words.length === 0 ? '' : `impact: ${printable(words.join('; '))}\n`;
}

export function outcomeLine({ id, result, revision, running_revision, process_id }: Apply): string {
  switch (result) {
    case 'VALID':
      return 'it would be applied; nothing was changed\n';
    case 'APPLIED':
      return `${printable(process_id)} runs with revision ${revision}\n`;
    case 'PENDING':
      return `under way as ${printable(id)}\n`;
    default:
      return `${result}; revision ${running_revision} is in effect\n`;
  }
}

/** What an apply did, or would do, for a person. */
export function applyText(apply: Apply, style: Style): string {
  return (
    diffText(apply.diff, style) + impactLine(apply, apply.result === 'VALID') + table(stepColumns, apply.steps, style) + outcomeLine(apply)
  );
}

const revisionColumns: readonly Column<ProcessConfigRevision>[] = [
  { title: 'REVISION', cell: ({ revision }) => String(revision) },
  { title: 'TIME', cell: ({ time }) => time ?? '' },
  { title: 'AUTHOR', cell: ({ author }) => author },
  { title: 'RESULT', cell: ({ result }) => result },
  { title: 'REASON', cell: ({ reason }) => reason },
];

export function configRevisionTable(revisions: readonly ProcessConfigRevision[], style: Style): string {
  return listTable(revisionColumns, revisions, { style, none: 'It has had no config yet; `sboxagent apply` gives it one.' });
}
