import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Context } from './context.ts';
import { EXIT, Failure } from './failure.ts';

/** The text of a file that an argument names, relative to the working directory; `-` reads stdin. Throws Failure (bad usage). */
export async function readInput({ io }: Context, file: string): Promise<string> {
  if (file === '-') return text(io.stdin);
  return readFile(resolve(io.cwd, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(EXIT.usage, `${file} cannot be read (${error.code ?? 'unknown error'})`);
  });
}
