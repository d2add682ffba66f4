import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { RefusedError } from '../kernel/errors.ts';
import { endWithOutput } from '../kernel/output.ts';
import { whyNotOurs } from '../kernel/state-dir.ts';
import { findPerl, lookForGroupPlace, unitComplaints } from '../processes/index.ts';
import { type LoadedSettings, processEnv, type Settings } from '../settings/index.ts';
import { lockOwner } from './lock.ts';
import { loadFor } from './serve.ts';
import { expectedFiles } from './state-dir.ts';

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What was found; where it is not ok, with the remedy. */
  readonly text: string;
}

type Check = (settings: Settings, loaded: LoadedSettings) => Finding | Promise<Finding>;

const LEAST_FREE_BYTES = 64 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 1000;

const ok = (check: string, text: string): Finding => ({ check, ok: true, text });
const bad = (check: string, text: string): Finding => ({ check, ok: false, text });

function node(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 24 ? ok('node', process.version) : bad('node', `${process.version} is too old; run \`npm ci\`, which brings Node 24`);
}

function configuration({ settings, paths }: LoadedSettings): Finding {
  if (paths.length > 0) return ok('configuration', paths.join(', '));
  const runs = lockOwner(join(settings.agent.stateDir, 'lock')) !== undefined;
  return ok(
    'configuration',
    `built-in defaults${runs ? '; if the running daemon has a file (`sboxagent status`), name it with --config' : ''}`,
  );
}

function stateDir({ agent }: Settings, loaded: LoadedSettings): Finding {
  const path = agent.stateDir;
  if (!existsSync(path)) {
    let parent = dirname(path);
    while (!existsSync(parent)) parent = dirname(parent);
    try {
      accessSync(parent, constants.W_OK);
      return ok('state directory', `${path} will be made`);
    } catch {
      return bad('state directory', `${path} cannot be made under ${parent}; choose another with --state-dir`);
    }
  }
  const why = whyNotOurs(path, expectedFiles(loaded));
  if (why !== undefined) return bad('state directory', `${path}: ${why}`);
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0) return bad('state directory', `${path} is open to others (0${mode.toString(8)}); chmod 700 ${path}`);
  return ok('state directory', `${path}, 0700`);
}

function disk({ agent }: Settings): Finding {
  let path = agent.stateDir;
  while (!existsSync(path)) path = dirname(path);
  const { bavail, bsize } = statfsSync(path);
  const free = `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB`;
  return bavail * bsize >= LEAST_FREE_BYTES
    ? ok('disk', `${free} free`)
    : bad('disk', `${free} free at ${path}; free some space, or publishing will be refused`);
}

function owner({ agent }: Settings): Finding {
  const pid = lockOwner(join(agent.stateDir, 'lock'));
  return ok('daemon', pid === undefined ? 'not running; start it with `sboxagent serve`' : `running, pid ${pid}`);
}

function answers(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: CONNECT_TIMEOUT_MS });
    const end = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

async function port({ agent, api }: Settings): Promise<Finding> {
  const where = `${api.host}:${api.port}`;
  if (!api.enabled) return ok('port', 'closed by api.enabled: false');
  const taken = await answers(api.port, api.host === '0.0.0.0' ? '127.0.0.1' : api.host);
  const ours = lockOwner(join(agent.stateDir, 'lock')) !== undefined;
  if (taken && !ours) {
    return bad('port', `${where} is taken by another program (sboxctl's own proxy uses 8080 too); stop it, or set api.port`);
  }
  return ok('port', taken ? `${where}, open` : `${where}, free`);
}

function auth({ agent, api }: Settings): Finding {
  if (!api.security.authEnabled) return ok('auth', 'off: every caller is admin (loopback only)');
  if (api.security.authToken !== undefined) return ok('auth', 'a static token is configured');
  const file = join(agent.stateDir, 'admin.token');
  return ok('auth', existsSync(file) ? `the admin token stands in ${file}` : 'a start makes an admin token, unless there is one already');
}

async function units({ agent, processes, plugins }: Settings): Promise<Finding> {
  const environment = processEnv();
  const context = { stateDir: agent.stateDir, path: environment['PATH'] ?? '', environment };
  const all = [...Object.values(processes.units), ...Object.values(plugins.units)];
  const complaints = (await Promise.all(all.map((unit) => unitComplaints(context, unit)))).flat();
  return complaints.length === 0
    ? ok('units', `${all.length} declared, nothing speaks against their start`)
    : bad('units', complaints.join('; '));
}

function groups({ agent, processes }: Settings): Finding {
  if (!processes.cgroups) return ok('cgroups', 'off by processes.cgroups: what a unit starts is found by its mark');
  const place = lookForGroupPlace(agent.stateDir);
  if (place.kind === 'none') {
    return ok('cgroups', `none: ${place.why}; what a unit starts is found by its mark, which a program that clears its environment loses`);
  }
  return ok('cgroups', `one for each unit below ${place.base}; memory is ${place.memory ? 'counted and limited' : 'not counted'} there`);
}

function launcher(): Finding {
  const perl = findPerl();
  if (perl === undefined)
    return ok('launcher', 'none: there is no Perl; the agent forks itself, which takes longer the more memory it has');
  return ok('launcher', `${perl} starts what is supervised`);
}

const checks: readonly Check[] = [stateDir, disk, owner, port, auth, units, groups, launcher];

interface DoctorFlags {
  readonly config?: string;
  readonly 'state-dir'?: string;
  readonly output?: string;
}

function flagsOf(argv: readonly string[]): DoctorFlags {
  const text = { type: 'string' } as const;
  return parseArgs({ args: [...argv], options: { config: text, 'state-dir': text, output: { ...text, short: 'o' } } }).values;
}

function load(flags: DoctorFlags): LoadedSettings | Finding {
  try {
    return loadFor(flags);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return bad('configuration', error.message);
  }
}

function print({ check, ok: good, text }: Finding): void {
  process.stdout.write(`${good ? 'ok  ' : 'FAIL'}  ${check.padEnd(16)}  ${text}\n`);
}

/** `sboxagent doctor`: every check of the start with its verdict and the remedy. Answers 0, 1 where one failed, or 2 for bad usage. */
export async function runDoctor(argv: readonly string[]): Promise<number> {
  let flags: DoctorFlags;
  try {
    flags = flagsOf(argv);
    if (!['table', 'json', undefined].includes(flags.output)) throw new TypeError(`-o ${flags.output}: table or json`);
  } catch (error) {
    process.stderr.write(`sboxagent doctor: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  endWithOutput();
  const findings = [node()];
  const loaded = load(flags);
  if ('check' in loaded) findings.push(loaded);
  else {
    findings.push(configuration(loaded));
    for (const check of checks) findings.push(await check(loaded.settings, loaded));
  }
  if (flags.output === 'json') process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  else for (const finding of findings) print(finding);
  return findings.every((f) => f.ok) ? 0 : 1;
}
