/** What the standard streams of a command do where they cannot be written to. */

/** The output could not be written: not one of the agent's refusals, but neither done. */
const FAILED = 1;

/**
 * A reader that has had enough (`sboxagent events -f | head`) ends the program with 0; any other failure (a full disk) is said on stderr
 * and ends it with 1.
 */
export function endWithOutput(names: readonly ('stdout' | 'stderr')[] = ['stdout', 'stderr']): void {
  for (const name of names) {
    process[name].on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      if (name === 'stderr') process.exit(FAILED);
      process.stderr.on('error', () => process.exit(FAILED));
      process.stderr.write(`sboxagent: stdout cannot be written to: ${error.message}\n`, () => process.exit(FAILED));
    });
  }
}

/** Prints and waits; where it fails the program ends as `endWithOutput` says. */
export function printOut(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve();
    });
  });
}
