import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls';
import type { Clock } from '../../kernel/clock.ts';
import { RefusedError } from '../../kernel/errors.ts';
import { followFiles } from '../../kernel/follow-files.ts';
import type { Settings } from '../../settings/types.ts';

/** With `clientCaFile` every client must show a certificate of that authority. */
export type TlsSettings = NonNullable<Settings['api']['tls']>;

/** What the files of `api.tls` hold, proved to fit together. Throws RefusedError for files that cannot be read or do not fit. */
export function readCertificate({ certFile, keyFile, clientCaFile }: TlsSettings): SecureContextOptions {
  const cert = read('api.tls.cert_file', certFile);
  const key = read('api.tls.key_file', keyFile);
  const ca = clientCaFile === undefined ? undefined : read('api.tls.client_ca_file', clientCaFile);
  const options: SecureContextOptions = { cert, key, ...(ca !== undefined && { ca }), minVersion: 'TLSv1.2' };
  try {
    createSecureContext(options);
    return options;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RefusedError(`api.tls: ${certFile} and ${keyFile} do not fit (${why}): give a certificate and its own key`, { cause });
  }
}

function read(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new RefusedError(`${key}: cannot read ${path} (${why}): correct the path or its permissions`, { cause });
  }
}

/** What became of files that were renewed. */
export interface CertificateWatch {
  /** Whether changed files count by themselves (`agent.auto_reload`). */
  readonly auto: () => boolean;
  /** The files are fit: new handshakes get what they hold. Not changed: they are again what is served. */
  readonly renewed: (renewal: { readonly changed: boolean }) => void;
  /** The files do not fit; the old certificate is served on. Told once for each state of the files. */
  readonly refused: (problem: string) => void;
}

export interface Renewal {
  /** Reads the files now. Answers what is wrong with them. */
  renew(): string | undefined;
  stop(): void;
}

/** Who renews a certificate writes two files; a pair that is half written is none. */
const stillMs = 500;

/** Gives a server the certificate that lies in its files whenever they change. Connections go on with what they have. */
export function renewCertificate(
  server: Pick<Server, 'setSecureContext'>,
  { settings, served: first }: { readonly settings: TlsSettings; readonly served: SecureContextOptions },
  { clock, auto, renewed, refused }: CertificateWatch & { readonly clock: Clock },
): Renewal {
  const files = [settings.certFile, settings.keyFile, settings.clientCaFile].filter((path) => path !== undefined);
  let served = print(first);
  let problem: string | undefined;
  const renew = (): string | undefined => {
    try {
      const options = readCertificate(settings);
      const now = print(options);
      if (now === served && problem === undefined) return undefined;
      const changed = now !== served;
      if (changed) server.setSecureContext(options);
      served = now;
      problem = undefined;
      renewed({ changed });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (error.message !== problem) refused(error.message);
      problem = error.message;
    }
    return problem;
  };
  const stop = followFiles({ files: () => files, clock, stillMs, changed: () => (auto() ? void renew() : undefined) });
  return { renew, stop };
}

function print({ cert, key, ca }: SecureContextOptions): string {
  return [cert, key, ca].map(String).join('\0');
}
