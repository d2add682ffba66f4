/** Buffers that are kept for the next batch, and how large they may be. */
const keptBuffers = 4;
const keptBufferBytes = 256 << 10;

/** Buffers for the bytes of batches, used again and again: fresh ones would pile up until the garbage collector comes. */
export function createScratch(): { encoded<T>(text: string, use: (bytes: Buffer) => Promise<T>): Promise<T> } {
  const free: Buffer[] = [];
  return {
    async encoded(text, use) {
      // A character of a string takes at most three bytes.
      if (text.length * 3 > keptBufferBytes) return use(Buffer.from(text));
      const buffer = free.pop() ?? Buffer.allocUnsafeSlow(keptBufferBytes);
      try {
        return await use(buffer.subarray(0, buffer.write(text)));
      } finally {
        if (free.length < keptBuffers) free.push(buffer);
      }
    },
  };
}
