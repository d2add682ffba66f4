import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { usage } from '../failure.ts';

/** More than the agent takes in one message, whatever its limit. */
const mostBytes = 64 * 1024 * 1024;

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usage(`${what} is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
}

/** One request from the argument, from stdin (`-`), or an empty one. */
export async function oneRequest(argument: string | undefined, stdin: Readable): Promise<unknown> {
  if (argument !== '-') return argument === undefined ? {} : parseJson(argument, 'the request');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > mostBytes) throw usage(`stdin holds more than ${mostBytes} bytes`);
    chunks.push(part);
  }
  return parseJson(Buffer.concat(chunks).toString('utf8'), 'stdin');
}

/** The requests of a client stream: one JSON a line, from stdin unless the argument has them. */
export async function* manyRequests(argument: string | undefined, stdin: Readable): AsyncGenerator<unknown> {
  const given = argument === undefined || argument === '-' ? undefined : argument;
  if (given !== undefined && !given.includes('\n')) {
    yield parseJson(given, 'the request');
    return;
  }
  let number = 0;
  const lines = given === undefined ? createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY }) : given.split('\n');
  for await (const line of lines) {
    number += 1;
    if (line.trim() !== '') yield parseJson(line, `line ${number}`);
  }
}
