import { existsSync, readFileSync, statSync } from 'node:fs';
import { refuse } from './document.ts';
import type { Entries, Entry } from './load.ts';

const LEAST_TOKEN_LENGTH = 32;
/** Tokens that stand in documents and tutorials: anybody knows them. */
const samples = [/^your-/i, /secure-token/i, /^(change|replace)[-_ ]?me/i, /^example/i, /^<.*>$/, /^(.)\1+$/];
const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

function refuseToken(token: string, entry: Entry, path: string): void {
  if (samples.some((sample) => sample.test(token))) {
    throw refuse(
      entry.at,
      path,
      'this is a sample that anybody knows; put a token of your own there, or remove it and use `sboxagent token create`',
    );
  }
  if (token.length < LEAST_TOKEN_LENGTH) {
    throw refuse(
      entry.at,
      path,
      `${token.length} characters are too few; use at least ${LEAST_TOKEN_LENGTH}, or \`sboxagent token create\``,
    );
  }
}

/** The token that a file holds. @throws RefusedError where the file is missing or open to others. */
function tokenOf(entry: Entry, path: string): string {
  const file = String(entry.value);
  if (!existsSync(file)) throw refuse(entry.at, path, `${file} is not there; make it, or remove the key`);
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) !== 0) throw refuse(entry.at, path, `${file} is open to others (0${mode.toString(8)}); chmod 600 ${file}`);
  return readFileSync(file, 'utf8').trim();
}

function refuseOpenDoor(entries: Entries): void {
  const host = entries.get('api.host');
  if (host === undefined || entries.get('api.enabled')?.value === false || loopback.test(String(host.value))) return;
  const tls = entries.has('api.tls.cert_file');
  const auth = entries.get('api.security.auth_enabled')?.value === true;
  if (!tls || !auth) {
    const lacks = [...(tls ? [] : ['TLS (api.tls)']), ...(auth ? [] : ['auth (api.security.auth_enabled)'])].join(' and ');
    throw refuse(
      host.at,
      'api.host',
      `${String(host.value)} can be reached from other machines, which needs ${lacks}; set it, or use 127.0.0.1`,
    );
  }
}

function refuseHalfTls(entries: Entries): void {
  const keys = ['api.tls.cert_file', 'api.tls.key_file', 'api.tls.client_ca_file'] as const;
  const [cert, key, ca] = keys.map((path) => entries.get(path));
  const some = cert ?? key ?? ca;
  if (some !== undefined && (cert === undefined || key === undefined))
    throw refuse(some.at, 'api.tls', 'cert_file and key_file go together; give both');
  for (const path of keys) {
    const entry = entries.get(path);
    if (entry !== undefined && !existsSync(String(entry.value)))
      throw refuse(entry.at, path, `${String(entry.value)} is not there; correct the path`);
  }
}

/** Refuses what is well-formed and yet not fit to run with; puts the token of a file in its place. @throws RefusedError */
export function refuseUnfit(entries: Entries): void {
  const token = entries.get('api.security.auth_token');
  if (token !== undefined) refuseToken(String(token.value), token, 'api.security.auth_token');
  const file = entries.get('api.security.auth_token_file');
  if (file !== undefined) {
    const value = tokenOf(file, 'api.security.auth_token_file');
    refuseToken(value, file, 'api.security.auth_token_file');
    if (token === undefined) entries.set('api.security.auth_token', { ...file, value });
  }
  const origins = entries.get('api.security.cors.allowed_origins');
  if (
    origins !== undefined &&
    (origins.value as readonly string[]).includes('*') &&
    entries.get('api.security.auth_enabled')?.value === true
  ) {
    throw refuse(
      origins.at,
      'api.security.cors.allowed_origins',
      '"*" would let any page call with a token that it got hold of; list exact origins',
    );
  }
  refuseOpenDoor(entries);
  refuseHalfTls(entries);
}
