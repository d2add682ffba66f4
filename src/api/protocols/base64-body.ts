/** The base64 around the frames of gRPC-Web's text form, for browsers that cannot read bytes as they come. */
import { AgentError } from '../../kernel/errors.ts';
import { toConnectError } from './connect-error.ts';

function fault(what: string): Error {
  return toConnectError(new AgentError('MALFORMED_BODY', what));
}

/** How many characters carry that many bytes. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Whole groups of four characters; a client that encodes each frame by itself leaves padding between them. */
function decodeGroups(text: string): Buffer {
  if (!/^[A-Za-z0-9+/=]*$/.test(text)) throw fault('the body is not base64');
  const parts = text.split(/(?<==)(?=[^=])/);
  if (parts.some((part) => !/^[^=]*={0,2}$/.test(part) || part.length % 4 !== 0)) {
    throw fault('the body is not base64');
  }
  return Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
}

/** The bytes behind the text, as they come. Throws a ConnectError of MALFORMED_BODY, for Connect's handlers read it. */
export async function* decodeBase64(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = '';
  for await (const chunk of chunks) {
    const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    const whole = text.length - (text.length % 4);
    rest = text.slice(whole);
    if (whole > 0) yield decodeGroups(text.slice(0, whole));
  }
  if (rest !== '') throw fault('the body is not base64: its end is missing');
}

export function encodeBase64(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), 'latin1');
}
