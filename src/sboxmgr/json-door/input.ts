import { readSync } from 'node:fs';

const maxRequestBytes = 1 << 20;

export type Input = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'bad'; readonly message: string };

/**
 * The whole of stdin, read in place: a stream would cost more than the rest of the start. What is too long is read on and dropped, so
 * that its writer is not cut off.
 */
export async function readInput(): Promise<Input> {
  const kept: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= maxRequestBytes) kept.push(chunk);
  };
  if (readInPlace(take) === 'would-block') for await (const chunk of process.stdin) take(chunk as Buffer);
  if (bytes > maxRequestBytes) return { kind: 'bad', message: `the request is longer than ${maxRequestBytes} bytes` };
  return { kind: 'text', text: Buffer.concat(kept).toString('utf8') };
}

function readInPlace(take: (chunk: Buffer) => void): 'end' | 'would-block' {
  const buffer = Buffer.allocUnsafe(64 << 10);
  for (;;) {
    try {
      const length = readSync(0, buffer);
      if (length === 0) return 'end';
      take(Buffer.from(buffer.subarray(0, length)));
    } catch (error) {
      // Someone else made the pipe non-blocking; what else goes wrong (no stdin at all) is its end.
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 'would-block' : 'end';
    }
  }
}
