import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:tls';
import { RefusedError } from '../../kernel/errors.ts';

export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  /** With it every client must show a certificate of this authority. */
  readonly clientCaFile: string | undefined;
}

/** A TLS server with ALPN for both protocols. Throws RefusedError for files that cannot be read or do not fit. */
export async function createTlsServer(settings: TlsSettings, handshakeTimeoutMs: number): Promise<Server> {
  const cert = await read('api.tls.cert_file', settings.certFile);
  const key = await read('api.tls.key_file', settings.keyFile);
  const ca = settings.clientCaFile === undefined ? undefined : await read('api.tls.client_ca_file', settings.clientCaFile);
  const mutual = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  try {
    const server = createServer({
      cert,
      key,
      ...mutual,
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: 'TLSv1.2',
      handshakeTimeout: handshakeTimeoutMs,
    });
    // A handshake that fails is the client's affair.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RefusedError(
      `api.tls: ${settings.certFile} and ${settings.keyFile} do not fit (${why}): give a certificate and its own key`,
      {
        cause: error,
      },
    );
  }
}

async function read(key: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new RefusedError(`${key}: cannot read ${path} (${why}): correct the path or its permissions`, { cause: error });
  }
}
