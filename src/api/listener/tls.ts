import { createServer, type Server } from 'node:tls';
import { readCertificate, type TlsSettings } from './certificate.ts';

/** A TLS server with ALPN for both protocols. Throws RefusedError for files that cannot be read or do not fit. */
export async function createTlsServer(
  settings: TlsSettings,
  handshakeTimeoutMs: number,
  certificate = readCertificate(settings),
): Promise<Server> {
  const server = createServer({
    ...certificate,
    ...(settings.clientCaFile !== undefined && { requestCert: true, rejectUnauthorized: true }),
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: handshakeTimeoutMs,
  });
  // A handshake that fails is the client's affair.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  return server;
}
