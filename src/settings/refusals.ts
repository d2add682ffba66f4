import { existsSync } from 'node:fs';
import { systemClock } from '../kernel/clock.ts';
import { parseCron } from './cron.ts';
import type { Entries, Entry } from './entries.ts';
import { secretOf } from './files.ts';
import { type Problems, refuse } from './problems.ts';

const LEAST_TOKEN_LENGTH = 32;
/** Tokens that stand in documents and tutorials: anybody knows them. */
const samples = [
  /your[-_]?(secure|secret|own|admin|api)?[-_]?token/i,
  /secure-token/i,
  /(change|replace)[-_ ]?(me|this)/i,
  /^(example|sample|password)\b/i,
  /^<.*>$/,
];
/** A random token of 32 characters has more different ones than any that is typed by holding a key. */
const LEAST_DIFFERENT = 8;
/** What an Authorization header can carry. */
const sendable = /^[\x21-\x7e]+$/;
const loopback = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

function refuseToken(token: string, entry: Entry, path: string): void {
  if (!sendable.test(token))
    throw refuse(entry.at, path, 'a token has printable ASCII characters and no spaces; make one with `sboxagent token create`');
  if (samples.some((sample) => sample.test(token)) || (token.length >= LEAST_TOKEN_LENGTH && new Set(token).size < LEAST_DIFFERENT)) {
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

/** Of the two keys that name one token, one is given; the environment's goes before the file's. @throws RefusedError */
function settleToken(entries: Entries): void {
  const keys = ['api.security.auth_token', 'api.security.auth_token_file'] as const;
  const [token, file] = keys.map((path) => entries.get(path));
  if (token === undefined || file === undefined) return;
  const [fromEnv, fileFromEnv] = [token, file].map(({ source }) => source.startsWith('env '));
  if (fromEnv === fileFromEnv) throw refuse(file.at, keys[1], 'given beside auth_token; keep one of the two');
  entries.delete(fromEnv ? keys[1] : keys[0]);
}

/** What is well-formed and yet not fit to run with, by the keys that each check reads. */
const checks: readonly { readonly keys: readonly string[]; readonly check: (entries: Entries) => void }[] = [
  { keys: ['api.security.auth_token', 'api.security.auth_token_file'], check: refuseBadTokens },
  { keys: ['api.security.cors.allowed_origins', 'api.security.auth_enabled'], check: refuseAnyOrigin },
  { keys: ['api.host', 'api.enabled', 'api.tls', 'api.security.auth_enabled'], check: refuseOpenDoor },
  { keys: ['api.tls'], check: refuseHalfTls },
  { keys: ['api.unix_socket.path', 'agent.state_dir'], check: (entries) => refuseLongSocket(entries, 'api.unix_socket.path') },
  { keys: ['sboxmgr.socket', 'api.unix_socket.path', 'agent.state_dir'], check: refuseUnfitSboxmgrSocket },
  { keys: ['sboxmgr.schedule'], check: refuseUnfitSchedule },
];

/** Refuses what is well-formed and yet not fit to run with, and puts the token of a file in its place. */
export function refuseUnfit(entries: Entries, problems: Problems): void {
  for (const { keys, check } of checks) {
    if (!problems.touches(keys)) problems.attempt(() => check(entries));
  }
}

function refuseBadTokens(entries: Entries): void {
  settleToken(entries);
  const token = entries.get('api.security.auth_token');
  if (token !== undefined) refuseToken(String(token.value), token, 'api.security.auth_token');
  const file = entries.get('api.security.auth_token_file');
  if (file === undefined) return;
  const value = secretOf(String(file.value), { at: file.at, path: 'api.security.auth_token_file' });
  refuseToken(value, file, 'api.security.auth_token_file');
  entries.set('api.security.auth_token', { ...file, value });
}

function refuseAnyOrigin(entries: Entries): void {
  const path = 'api.security.cors.allowed_origins';
  const origins = entries.get(path);
  if (origins === undefined || entries.get('api.security.auth_enabled')?.value !== true) return;
  if (!(origins.value as readonly string[]).includes('*')) return;
  throw refuse(origins.at, path, '"*" would let any page call with a token that it got hold of; list exact origins');
}

/** The kernel takes 107 bytes; Node would bind a cut name. */
function refuseLongSocket(entries: Entries, path: string): void {
  const entry = entries.get(path);
  const socket = String(entry?.value);
  if (entry === undefined || Buffer.byteLength(socket) <= 107) return;
  throw refuse(entry.at, path, `${socket} is longer than the 107 bytes of a socket's name; choose a shorter one, or a shorter state_dir`);
}

function refuseUnfitSboxmgrSocket(entries: Entries): void {
  const path = 'sboxmgr.socket.path';
  const entry = entries.get(path);
  if (entry === undefined || entries.get('sboxmgr.socket.enabled')?.value !== true) return;
  refuseLongSocket(entries, path);
  if (entry.value === entries.get('api.unix_socket.path')?.value) {
    throw refuse(entry.at, path, 'this is api.unix_socket.path too; choose another one');
  }
}

function refuseBadCron(cron: Entry | undefined): void {
  if (cron === undefined) return;
  try {
    parseCron(String(cron.value), systemClock.wallMs());
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw refuse(cron.at, 'sboxmgr.schedule.cron', `${error.message}; correct it`);
  }
}

function refuseUnfitSchedule(entries: Entries): void {
  const of = (name: string): Entry | undefined => entries.get(`sboxmgr.schedule.${name}`);
  refuseBadCron(of('cron'));
  const enabled = of('enabled');
  if (enabled?.value !== true) return;
  const command = of('command');
  if (!(command?.value as readonly string[])[0]) {
    throw refuse(command?.at.line ? command.at : enabled.at, 'sboxmgr.schedule.command', 'no program; give the command of a run');
  }
  const [interval, cron] = [of('interval'), of('cron')];
  if ((interval === undefined) === (cron === undefined)) {
    const what = interval === undefined ? 'neither interval nor cron' : 'both interval and cron';
    throw refuse(cron?.at ?? enabled.at, 'sboxmgr.schedule', `${what}; give exactly one of the two`);
  }
}
