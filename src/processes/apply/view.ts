import type { Json } from '../../events/types.ts';
import { redactText } from '../../kernel/redaction.ts';
import { shownConfig } from './config-text.ts';
import { type ConfigHolder, configPathOf, currentText, etagOf, formatOfHolder } from './holder.ts';
import { proofsOf } from './proofs.ts';
import { textDiff } from './text-diff.ts';
import { type ApplyResult, applyResults, type ConfigRevisionView, type ProcessConfigView } from './types.ts';

/** So much of a diff is shown in a list, in characters. */
const listedDiff = 16 * 1024;
const longestDiff = 64 * 1024;

export function configView(holder: ConfigHolder): ProcessConfigView {
  const { document, engine, id } = holder;
  const format = formatOfHolder(holder);
  const { head } = document;
  const recorded = head?.texts.get(configPathOf(holder.unit)) ?? '';
  const current = currentText(holder) ?? '';
  const drifted = head !== undefined && current !== recorded;
  const shown = (text: string): string => shownConfig(engine, text, format, recorded);
  return {
    id,
    content: shown(current),
    format,
    revision: head?.revision ?? 0,
    etag: etagOf(holder),
    author: head?.author ?? '',
    reason: head?.reason ?? '',
    timeMs: head?.timeMs ?? 0,
    drifted,
    driftDiff: drifted
      ? textDiff(shown(recorded), shown(current), { names: [`revision ${head.revision}`, 'file'], maxLength: longestDiff })
      : '',
  };
}

export async function revisionViews(
  { document }: ConfigHolder,
  page: { readonly before?: number | undefined; readonly limit: number },
): Promise<readonly ConfigRevisionView[]> {
  const { before, limit } = page;
  const revisions = await document.revisions(before === undefined ? { limit } : { before, limit });
  return revisions.map(({ revision, etag, author, reason, timeMs, result, detail }) => ({
    revision,
    etag,
    author,
    reason,
    timeMs,
    result: resultOf(result),
    diff: redactText(diffIn(detail)).slice(0, listedDiff),
  }));
}

function resultOf(result: string): ApplyResult {
  return applyResults.find((one) => one === result) ?? 'PENDING';
}

function diffIn(detail: Json): string {
  const diff =
    typeof detail === 'object' && detail !== null && !Array.isArray(detail) ? (detail as { readonly [key: string]: Json })['diff'] : '';
  return typeof diff === 'string' ? diff : '';
}

/** Masked diff from the last config that proved itself to the one in the file; empty where they are the same, or none has proved itself. */
export async function diffToLastGood(holder: ConfigHolder): Promise<string> {
  const { document, engine, unit } = holder;
  const { lastGood } = proofsOf(document);
  if (lastGood === 0) return '';
  const good = (await document.texts(lastGood)).get(configPathOf(unit)) ?? '';
  const format = formatOfHolder(holder);
  const [before, after] = [good, currentText(holder) ?? ''].map((text) => shownConfig(engine, text, format, good));
  return textDiff(before ?? '', after ?? '', {
    names: [`revision ${lastGood}, the last that proved itself`, 'file'],
    maxLength: longestDiff,
  });
}
