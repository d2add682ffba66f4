import { mask } from '../kernel/redaction.ts';

/** Wider than what is masked in events: nobody reads a printed environment for the sake of these. */
const secretName = /(pass(word|wd)?|secret|token|credential|auth|private|cookie|api[-_]?key|access[-_]?key)/i;

/** Whether what stands under this name (of an environment variable, of a header) is not to be shown. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

export function withoutUserinfo(text: string): string {
  return text.replace(/(\w:\/\/)[^\s/@]+@/g, `$1${mask}@`);
}
