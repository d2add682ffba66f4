import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { askProgram, complaintsOf, type Environment, programOf, versionOf } from '../../processes/engine-program.ts';
import { processEnv } from '../../settings/process-env.ts';
import { type Client, type ClientType, clients, clientTypes, isClientType } from './clients.ts';
import { detect } from './detect.ts';
import { failed, messageOf, type Reply, type Request } from './reply.ts';

/** sboxmgr waits 30 s for a reply. */
const checkLimitMs = 20_000;
const maxConfigBytes = 32 << 20;

/** Which engines are on PATH. */
export async function check(request: Request, env: Environment = processEnv()): Promise<Reply> {
  const asked = request['client_type'] ?? undefined;
  if (asked !== undefined && !isClientType(asked)) return failed('INVALID_REQUEST', unknownClient(asked), { clients: {} });
  const names = asked === undefined ? clientTypes : [asked];
  const found = await Promise.all(names.map(async (name) => [name, await findClient(clients[name], env)] as const));
  const there = found.filter(([, state]) => state['available']).map(([name]) => name);
  const message = there.length > 0 ? `available: ${there.join(', ')}` : `not on PATH: ${names.join(', ')}`;
  return { success: true, message, clients: Object.fromEntries(found) };
}

async function findClient(client: Client, env: Environment): Promise<Readonly<Record<string, unknown>>> {
  const path = programOf(client, env['PATH'] ?? '');
  if (path === undefined) return { available: false, error: notThere(client) };
  return { available: true, version: await versionOf(client, path, { env, cwd: resolve('.') }), path };
}

/** Lets the engine judge a configuration by its own check. */
export async function validate(request: Request, env: Environment = processEnv()): Promise<Reply> {
  const { config_path: path, client_type: hint = null, strict = true } = request;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) return refused('INVALID_REQUEST', 'config_path must name a file');
  if (hint !== null && !isClientType(hint)) return refused('INVALID_REQUEST', unknownClient(hint));
  const configPath = resolve(path);
  const read = readConfig(configPath);
  if ('error' in read) return refused('CONFIG_UNREADABLE', read.error);
  const detected = detect(read.text);
  const found = detected.kind === 'document' ? detected.client : undefined;
  const client = hint ?? found;
  if (client === undefined) {
    const why = detected.kind === 'unreadable' ? detected.message : 'it is not the configuration of a known client; name it in client_type';
    return refused('CLIENT_UNKNOWN', `${configPath}: ${why}`);
  }
  // clash and mihomo read one format: asked for by either name, it is that.
  const finding = { client_detected: found === undefined || (hint === 'clash' && found === 'mihomo') ? client : found };
  return judge(client, { configPath, env, strict: strict !== false, finding });
}

interface Case {
  readonly configPath: string;
  readonly env: Environment;
  readonly strict: boolean;
  readonly finding: { readonly client_detected: ClientType };
}

async function judge(name: ClientType, { configPath, env, strict, finding }: Case): Promise<Reply> {
  const client = clients[name];
  const program = programOf(client, env['PATH'] ?? '');
  const cwd = resolve('.');
  if (client.checkArguments === undefined) {
    const message = `${name} has no check of its own: only the form of the configuration was checked`;
    const known = program === undefined ? {} : { client_version: await versionOf(client, program, { env, cwd }) };
    return finding.client_detected === name
      ? passed(message, { ...finding, ...known })
      : refused('CONFIG_INVALID', mismatch(name, finding), finding);
  }
  if (program === undefined) {
    const why = `${notThere(client)}: nothing could check the configuration`;
    return strict ? refused('CLIENT_NOT_FOUND', why, finding) : passed(`${why}; only its form was checked`, finding);
  }
  const argv = [program, ...client.checkArguments(configPath, dirname(configPath))];
  const [answer, itsVersion] = await Promise.all([
    askProgram({ argv, env, cwd, limitMs: checkLimitMs }),
    versionOf(client, program, { env, cwd }),
  ]);
  const all = { ...finding, client_version: itsVersion };
  const errors = complaintsOf(name, client, { answer, limitMs: checkLimitMs });
  if (errors.length === 0) return passed(`${name} accepts the configuration`, all);
  return failed(codes[answer.kind], `${name} refuses the configuration: ${errors[0] ?? ''}`, { errors, ...all });
}

const codes = { late: 'CHECK_TIMEOUT', failed: 'CHECK_FAILED', ended: 'CONFIG_INVALID' } as const;

function passed(message: string, more: Readonly<Record<string, unknown>>): Reply {
  return { success: true, message, errors: [], ...more };
}

/** A failed validation with one reason. */
function refused(code: string, why: string, more: Readonly<Record<string, unknown>> = {}): Reply {
  return failed(code, why, { errors: [why], ...more });
}

function readConfig(path: string): { readonly text: string } | { readonly error: string } {
  try {
    const stat = statSync(path);
    // A pipe or a device would never end.
    if (!stat.isFile()) return { error: `${path} is not a file` };
    if (stat.size > maxConfigBytes) return { error: `${path} is larger than ${maxConfigBytes >> 20} MiB` };
    return { text: readFileSync(path, 'utf8') };
  } catch (error) {
    return { error: `${path} cannot be read: ${messageOf(error)}` };
  }
}

function notThere({ programs: [first = '', ...others] }: Client): string {
  return `${first} is not on PATH${others.length > 0 ? ` (nor ${others.join(', ')})` : ''}`;
}

function mismatch(name: ClientType, finding: Case['finding']): string {
  return `this is a configuration of ${finding.client_detected}, not of ${name}`;
}

function unknownClient(value: unknown): string {
  const shown = typeof value === 'string' ? value.slice(0, 100) : typeof value;
  return `unknown client_type ${shown}: it is one of ${clientTypes.join(', ')}`;
}
