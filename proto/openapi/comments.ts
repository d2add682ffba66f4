import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { getComments } from '@bufbuild/protoplugin';

type Documented = DescMessage | DescField | DescEnum | DescEnumValue | DescService | DescMethod;

/** The comment of the proto as Markdown: lines of a paragraph are joined, lists and paragraphs stay. Empty where there is none. */
export function commentOf(desc: Documented): string {
  const lines = (getComments(desc).leading ?? '').split('\n').map((line) => line.trim());
  let text = '';
  for (const line of lines) {
    if (line === '') text += '\n\n';
    else if (line.startsWith('- ')) text += `\n${line}`;
    else text += `${text === '' || text.endsWith('\n') ? '' : ' '}${line}`;
  }
  return text.replaceAll(/\n{3,}/g, '\n\n').trim();
}

/** The first sentence as plain text, without its full stop. */
export function summaryOf(text: string): string {
  const [, first = ''] = /^([\s\S]*?[^.][.:;])(?=\s|$)/.exec(text) ?? [undefined, text];
  return first
    .replace(/[.:;]$/, '')
    .replaceAll('\n', ' ')
    .replaceAll('`', '')
    .trim();
}
