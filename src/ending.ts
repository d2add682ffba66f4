/** Exit code of a fault of the program itself. */
const FAULT = 70;

/** What the program ends with: the code that it answers, if any, and that of a fault where it fails. */
export function endWith(program: Promise<number | undefined>): void {
  program.then(
    (code) => {
      if (code !== undefined) process.exitCode = code;
    },
    (error: unknown) => {
      process.stderr.write(
        `sboxagent: a fault of the program: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      process.exitCode = FAULT;
    },
  );
}
