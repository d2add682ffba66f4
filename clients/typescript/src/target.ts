import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const defaultPort = 8080;

export interface Target {
  readonly baseUrl: string;
  /** The unix socket that is dialled instead of the host of the URL. */
  readonly socketPath: string | undefined;
}

/** Where an agent keeps its state, the likeliest first. */
function stateDirs(): string[] {
  const named = process.env['SBOXAGENT_AGENT_STATE_DIR'];
  const system = '/var/lib/sboxagent';
  const home = join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local/state'), 'sboxagent');
  const usual = process.geteuid?.() === 0 ? [system, home] : [home, system];
  return named === undefined || named === '' ? usual : [named, ...usual];
}

function isSocket(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}

/** `unix:PATH`, `host:port`, `host`, `http://host:port` or `https://host:port`. Throws TypeError. */
export function parseTarget(text: string): Target {
  const value = text.trim();
  const refused = new TypeError(`not a target: ${JSON.stringify(text)} (unix:PATH, host:port or https://host:port)`);
  if (value.startsWith('unix:')) {
    const path = value.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (path === '') throw refused;
    return { baseUrl: 'http://localhost', socketPath: path };
  }
  const bare = /^(?:[^:/]+|\[[^\]]+\])$/.test(value) ? `${value}:${defaultPort}` : value;
  const url = URL.parse(/^https?:\/\//.test(bare) ? bare : `http://${bare}`);
  if (url === null || url.hostname === '' || url.username !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw refused;
  return { baseUrl: url.origin, socketPath: undefined };
}

/** The argument, else SBOXAGENT_TARGET, else the socket of a usual state directory, else 127.0.0.1:8080. */
export function resolveTarget(text: string | undefined): Target {
  const chosen = text || process.env['SBOXAGENT_TARGET'];
  if (chosen) return parseTarget(chosen);
  const path = stateDirs()
    .map((dir) => join(dir, 'api.sock'))
    .find(isSocket);
  return path === undefined ? parseTarget(`127.0.0.1:${defaultPort}`) : { baseUrl: 'http://localhost', socketPath: path };
}

/** A bearer token: given, of the environment, or of a file that is read again when it changes. Answers what tells the present one. */
export function tokenSource(token: string | undefined, tokenFile: string | undefined): () => string | undefined {
  const given = token ?? (tokenFile === undefined ? process.env['SBOXAGENT_TOKEN'] : undefined);
  if (given) return () => given.trim();
  const path = tokenFile || process.env['SBOXAGENT_TOKEN_FILE'];
  if (!path) return () => undefined;
  let seen = '';
  let value = '';
  return () => {
    const { mtimeMs, size } = statSync(path);
    const mark = `${mtimeMs} ${size}`;
    if (mark !== seen) {
      value = readFileSync(path, 'utf8').trim();
      seen = mark;
    }
    return value;
  };
}
