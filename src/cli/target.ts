import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { RefusedError } from '../kernel/errors.ts';
import type { AgentPlace } from '../settings/index.ts';
import type { CommonOptions, Context } from './context.ts';
import { Failure, usage } from './failure.ts';

/** PEM; `ca` instead of the system's certificates, `cert` and `key` for an agent that asks who calls. */
export interface Tls {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/** Where the agent is called, and how. */
export interface Target {
  /** For messages. */
  readonly name: string;
  /** As grpc-js wants it. */
  readonly address: string;
  /** Path of the unix socket, where it is one. */
  readonly socket?: string;
  /** Present = TLS. */
  readonly tls?: Tls;
  readonly token: string | undefined;
}

const forms = 'Write host:port, unix:PATH or https://host:port.';

/** The target of the options and the environment; the socket of the local daemon where none is named. */
export async function findTarget({ io, options }: Context): Promise<Target> {
  const env = await io.env();
  const named = options.target ?? (env['SBOXAGENT_TARGET'] || undefined);
  if (named !== undefined) {
    const token = explicitToken(options) ?? (env['SBOXAGENT_TOKEN'] || undefined);
    return parseTarget(named, { options, token: token === undefined ? undefined : checked(token), cwd: io.cwd });
  }
  if (wantsTls(options)) throw usage('--tls and its files need a --target', forms);
  const token = explicitToken(options);
  const { socketPath } = await localAgent({ io, options });
  return { ...unix(socketPath), token: token === undefined ? undefined : checked(token) };
}

/** Where the daemon's state and socket are, found as the daemon finds them. */
export async function localAgent({ io, options }: Context): Promise<AgentPlace> {
  const { findAgent } = await import('../settings/index.ts');
  try {
    return findAgent({
      ...(options.config === undefined ? {} : { configPath: options.config }),
      ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
      env: await io.env(),
      cwd: io.cwd,
    });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw new Failure(2, error.message, { remedy: 'Correct the configuration, or name the agent itself with --target.' });
  }
}

function explicitToken({ token, tokenFile }: CommonOptions): string | undefined {
  if (token !== undefined && tokenFile !== undefined) throw usage('--token and --token-file exclude each other');
  return tokenFile === undefined ? token : readFile(tokenFile, '--token-file').toString('utf8').trim();
}

function readFile(path: string, flag: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usage(`${flag} ${path} cannot be read: ${code ?? 'unknown error'}`);
  }
}

/** A token goes into a header: what does not fit there is refused without being shown. */
function checked(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw usage('the token is empty or holds characters that no token has');
}

type TlsOptions = Pick<CommonOptions, 'tls' | 'caFile' | 'certFile' | 'keyFile'>;

function wantsTls({ tls, caFile, certFile, keyFile }: TlsOptions): boolean {
  return tls || (caFile ?? certFile ?? keyFile) !== undefined;
}

function tlsOf({ caFile, certFile, keyFile }: TlsOptions): Tls {
  if ((certFile === undefined) !== (keyFile === undefined)) throw usage('--cert-file and --key-file go together');
  return {
    ca: caFile === undefined ? undefined : readFile(caFile, '--ca-file'),
    cert: certFile === undefined ? undefined : readFile(certFile, '--cert-file'),
    key: keyFile === undefined ? undefined : readFile(keyFile, '--key-file'),
  };
}

export interface TargetContext {
  readonly options: TlsOptions;
  readonly token: string | undefined;
  readonly cwd: string;
}

export function parseTarget(text: string, { options, token, cwd }: TargetContext): Target {
  if (text.startsWith('unix:')) {
    if (wantsTls(options)) throw usage('--tls and its files do not go with a unix socket');
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (path === '') throw usage('--target unix: names no path', forms);
    return { ...unix(resolve(cwd, path)), token };
  }
  const scheme = /^(https?):\/\//.exec(text)?.[1];
  const address = hostAndPort(text, scheme);
  return { name: text, address: `dns:${address}`, token, ...(scheme === 'https' || wantsTls(options) ? { tls: tlsOf(options) } : {}) };
}

function unix(path: string): { name: string; address: string; socket: string } {
  return { name: `unix:${path}`, address: `unix:${path}`, socket: path };
}

const defaultPorts: Readonly<Record<string, string>> = { http: '80', https: '443' };

function hostAndPort(text: string, scheme: string | undefined): string {
  const refused = usage(`--target ${JSON.stringify(text)} is no address`, forms);
  const url = URL.parse(scheme === undefined ? `http://${text}` : text);
  if (url === null || url.hostname === '' || url.username !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw refused;
  // URL leaves a default port out, so it cannot tell `host:80` from `host`: a port must be written where there is no scheme.
  const port = /:(\d{1,5})\/?$/.exec(text)?.[1] ?? (scheme === undefined ? undefined : defaultPorts[scheme]);
  if (port === undefined || Number(port) === 0) throw usage(`--target ${JSON.stringify(text)} names no port`, forms);
  return `${url.hostname}:${port}`;
}

/** Whether what is sent there, the token too, can be read on the way. */
export function readableOnTheWay({ socket, tls, address }: Target): boolean {
  return socket === undefined && tls === undefined && !/^dns:(localhost|127\.[\d.]+|\[::1\]):\d+$/.test(address);
}
