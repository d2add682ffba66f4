/** Masks secrets in argument vectors: every word by itself, and by the option before it. */
import { mask, maskText, maskUrls } from './mask-text.ts';
import type { SecretNames } from './secret-names.ts';

/** `--name=value`, `NAME=value`, `Name: value`; what stands before and after the sign. */
const pair = /^(-{0,2}([A-Za-z_][\w.-]{0,127})\s{0,4}[=:]\s{0,4})([\s\S]+)$/;
/** `-eTOKEN=…`, `-HAuthorization: …`: an option of one letter with its value in the same word. */
const glued = /^(-[A-Za-z])([A-Za-z_][\w.-]{0,127}\s{0,4}[=:][\s\S]+)$/;
const userOption = /^(?:-u|-U|--user|--proxy-user|--userpwd|--auth-user)$/;
/** A name and its password; not two numbers (uid and gid), and no address. */
const userPassword = /^(?!\d+:\d+$)([^\s:/]{1,256}:)(?!\/\/)[\s\S]+$/;

/** What others may see of an argument vector: a copy in which secrets read `***`. */
export function maskCommand(command: readonly string[], names: SecretNames): readonly string[] {
  return command.map((argument, i) => maskArgument(argument, command[i - 1], names));
}

function maskArgument(argument: string, before: string | undefined, names: SecretNames): string {
  if (before !== undefined && isOption(before)) {
    const name = before.replace(/^-+/, '');
    // An option may stand without a value, and another one follows.
    if (argument !== '' && !argument.startsWith('--') && names.has(name)) return mask;
    if (userOption.test(before) && userPassword.test(argument)) return argument.replace(userPassword, `$1${mask}`);
  }
  return maskWord(argument, names);
}

function maskWord(word: string, names: SecretNames): string {
  const [, letter, rest] = glued.exec(word) ?? [];
  if (letter !== undefined && rest !== undefined) return letter + maskWord(rest, names);
  const [, head, name = '', value = ''] = pair.exec(word) ?? [];
  // To the end of the word: quotes and blanks are part of the value.
  if (head !== undefined && names.has(name)) return head + mask;
  if (head === undefined || value.startsWith('//')) return maskText(word, names);
  const user = userOption.test(head.replace(/[=\s]+$/, '')) ? value.replace(userPassword, `$1${mask}`) : value;
  return user === value ? maskText(word, names) : maskUrls(head + user, names);
}

function isOption(word: string): boolean {
  return /^--?[A-Za-z][\w.-]{0,127}$/.test(word);
}
