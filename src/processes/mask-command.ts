const secretName = /(^|[-_.])(pass(word|wd|phrase)?|secret|token|auth(orization)?|api[-_]?key|private[-_]?key|credentials?|psk|uuid)$/i;
const userinfo = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@?#]+@/gi;

/** Whether a flag, a variable or a key of this name holds a secret. */
function isSecretName(name: string): boolean {
  return secretName.test(name.replace(/^-+/, ''));
}

/** The userinfo of URLs and the values of `secret=…` read `***`. */
function maskArgument(argument: string): string {
  const masked = argument.replace(userinfo, '$1***@');
  const equals = masked.indexOf('=');
  return equals > 0 && isSecretName(masked.slice(0, equals)) ? `${masked.slice(0, equals)}=***` : masked;
}

/**
 * An argument vector as others may see it. (What a unit is given as arguments is readable by every user of the machine in
 * /proc all the same: secrets belong in a file or the environment.)
 */
export function maskCommand(command: readonly string[]): readonly string[] {
  return command.map((argument, i) => {
    const before = command[i - 1];
    return before?.startsWith('-') && !before.includes('=') && isSecretName(before) ? '***' : maskArgument(argument);
  });
}
