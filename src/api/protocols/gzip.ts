/**
 * Gzip for Connect's handlers. The library has its own beside its clients, fetch among them: a quarter of a second and 15 MB that a daemon which answers
 * has no use for.
 */
import { Code, ConnectError } from '@connectrpc/connect';
import type { Compression } from '@connectrpc/connect/protocol';

/** In the thread pool: what a client compressed may take a while. */
async function run(how: 'gzip' | 'gunzip', bytes: Uint8Array, maxOutputLength?: number): Promise<Uint8Array<ArrayBuffer>> {
  const zlib = await import('node:zlib');
  return new Promise((resolve, reject) => {
    zlib[how](bytes, maxOutputLength === undefined ? {} : { maxOutputLength }, (error, result) => {
      if (error) reject(error);
      else resolve(new Uint8Array(result));
    });
  });
}

/** What a client sent that is too large, or no gzip. */
function fault(error: NodeJS.ErrnoException, readMaxBytes: number): ConnectError {
  return error.code === 'ERR_BUFFER_TOO_LARGE'
    ? new ConnectError(`message is larger than configured readMaxBytes ${readMaxBytes} after decompression`, Code.ResourceExhausted)
    : new ConnectError('the message is not compressed by gzip', Code.InvalidArgument, undefined, undefined, error);
}

export const gzip: Compression = {
  name: 'gzip',
  compress: (bytes) => run('gzip', bytes),
  async decompress(bytes, readMaxBytes) {
    if (bytes.byteLength === 0) return new Uint8Array();
    try {
      return await run('gunzip', bytes, readMaxBytes);
    } catch (error) {
      throw fault(error as NodeJS.ErrnoException, readMaxBytes);
    }
  },
};
