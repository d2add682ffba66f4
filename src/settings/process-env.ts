/** The environment that the program was started with. */
export function processEnv(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
