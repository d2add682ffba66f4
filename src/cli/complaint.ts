import { printable, printableLines } from './escape.ts';
import { EXIT, type Failure } from './failure.ts';

/** A failure for a person: what and where, the details below it, what to do. Line breaks are line breaks; nothing in it drives the terminal. */
export function complaint({ exitCode, message, reason, details, remedy }: Failure): string {
  const [first = '', ...more] = printableLines(message);
  const lines = [`sboxagent: ${first}${reason === undefined ? '' : ` (${printable(reason)})`}`, ...more.map((line) => `  ${line}`)];
  // A refusal by fields says them in its message already.
  for (const detail of details) if (!message.includes(detail)) lines.push(...printableLines(detail).map((line) => `  ${line}`));
  if (remedy !== undefined) lines.push(exitCode === EXIT.usage ? printable(remedy) : `What to do: ${printable(remedy)}`);
  return `${lines.join('\n')}\n`;
}
