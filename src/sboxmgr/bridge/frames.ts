/** u32 BE length, u32 BE version, then that many bytes of JSON. */
const headerBytes = 8;
const protocolVersion = 1;
export const maxBodyBytes = 1 << 20;
const smallBytes = 1024;

export type Frame =
  | { readonly kind: 'body'; readonly body: Buffer }
  /** What follows cannot be told apart any more. */
  | { readonly kind: 'fault'; readonly code: 'FRAME_TOO_LARGE' | 'VERSION_UNSUPPORTED'; readonly message: string };

/** Cuts a stream of bytes into frames. Holds at most one frame and one chunk, where `next` is called after every `push`. */
export interface FrameReader {
  push(chunk: Buffer): void;
  /** The next whole frame; undefined until there is one. After a fault it gives nothing more. */
  next(): Frame | undefined;
  /** Bytes that wait. */
  held(): number;
}

export function createFrameReader(): FrameReader {
  let chunks: Buffer[] = [];
  let held = 0;
  let broken = false;
  /** The first bytes, without putting a half frame together again at every chunk. */
  const first = (bytes: number): Buffer => {
    if ((chunks[0]?.length ?? 0) < bytes) chunks = [Buffer.concat(chunks)];
    return chunks[0] ?? Buffer.alloc(0);
  };
  const fault = (code: 'FRAME_TOO_LARGE' | 'VERSION_UNSUPPORTED', message: string): Frame => {
    broken = true;
    chunks = [];
    held = 0;
    return { kind: 'fault', code, message };
  };
  return {
    push(chunk) {
      if (broken) return;
      const last = chunks.at(-1);
      // A sender of single bytes must not make a list of a million.
      if (last !== undefined && last.length + chunk.length <= smallBytes) chunks[chunks.length - 1] = Buffer.concat([last, chunk]);
      else chunks.push(chunk);
      held += chunk.length;
    },
    next() {
      if (broken || held < headerBytes) return undefined;
      const header = first(headerBytes);
      const length = header.readUInt32BE(0);
      const version = header.readUInt32BE(4);
      if (version !== protocolVersion)
        return fault('VERSION_UNSUPPORTED', `protocol version ${version}: this agent speaks ${protocolVersion}`);
      if (length > maxBodyBytes) return fault('FRAME_TOO_LARGE', `a message of ${length} bytes: at most ${maxBodyBytes} are taken`);
      const whole = headerBytes + length;
      if (held < whole) return undefined;
      const frame = first(whole);
      const rest = frame.subarray(whole);
      chunks = rest.length > 0 ? [rest, ...chunks.slice(1)] : chunks.slice(1);
      held -= whole;
      return { kind: 'body', body: frame.subarray(headerBytes, whole) };
    },
    held: () => held,
  };
}

export function frame(json: string): Buffer {
  const body = Buffer.from(json);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt32BE(protocolVersion, 4);
  return Buffer.concat([header, body]);
}
