import { readFileSync } from 'node:fs';
import { AgentError } from '../kernel/errors.ts';
import type { UnitSettings } from '../settings/types.ts';
import { findBinary } from './binary.ts';

type Confinement = Pick<UnitSettings, 'id' | 'user' | 'group' | 'noNewPrivs' | 'capabilities' | 'limits'>;

/** Rights of the daemon that a confinement may want. */
export interface OwnRights {
  readonly uid: number;
  readonly gid: number;
  /** Bits of its effective capabilities (`CapEff` of proc_pid_status(5)). */
  readonly effective: bigint;
  /** Ours, not the unit's: where setpriv and prlimit are looked for. */
  readonly path: string;
}

const toolPath = '/usr/bin:/bin:/usr/sbin:/sbin';
/** Bit numbers of capabilities(7) by name, as far as an engine can want them; others are left to setpriv to judge. */
const setgid = 6n;
const setuid = 7n;

export function ownRights(): OwnRights {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status'))?.[1];
  return {
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    effective: mask === undefined ? 0n : BigInt(`0x${mask}`),
    path: toolPath,
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Whether the unit is to run as somebody else than the daemon. */
export function changesUser({ user, group }: Pick<Confinement, 'user' | 'group'>): boolean {
  return user !== undefined || group !== undefined;
}

/**
 * The argument vector that confines a program and then becomes it: prlimit (the kernel lets root alone raise a limit, so it comes first),
 * then setpriv. Each replaces itself, so that the pid is the program's own. Throws CONFINEMENT_UNAVAILABLE where a
 * tool or a right is missing: a program that was to be confined must not start without it.
 */
export function confine(unit: Confinement, argv: readonly string[], given?: OwnRights): readonly string[] {
  const { rlimits } = unit.limits;
  if (Object.keys(rlimits).length === 0 && !changesUser(unit) && !unit.noNewPrivs && unit.capabilities.length === 0) return argv;
  const rights = given ?? ownRights();
  const inner = privileges(unit, rights);
  const outer = Object.entries(rlimits).map(([name, limit]) => `--${name}=${limit}`);
  return [
    ...(outer.length === 0 ? [] : [tool(unit.id, 'prlimit', 'limits', rights), ...outer, '--']),
    ...(inner.length === 0 ? [] : [tool(unit.id, 'setpriv', 'user, group, no_new_privs and capabilities', rights), ...inner, '--']),
    ...argv,
  ];
}

function privileges(unit: Confinement, rights: OwnRights): readonly string[] {
  const capabilities = unit.capabilities.map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`).join(',');
  return [
    ...(changesUser(unit) ? identity(unit, rights) : []),
    ...(unit.noNewPrivs ? ['--no-new-privs'] : []),
    ...(capabilities === '' ? [] : [`--inh-caps=${capabilities}`, `--ambient-caps=${capabilities}`]),
  ];
}

function identity(unit: Confinement, rights: OwnRights): readonly string[] {
  const user = unit.user === undefined ? undefined : findUser(unit.user);
  const uid = unit.user === undefined ? rights.uid : user?.uid;
  if (uid === undefined) throw missing(unit.id, `there is no user ${unit.user}`);
  const gid = unit.group === undefined ? user?.gid : findGroup(unit.group);
  if (gid === undefined) {
    throw missing(
      unit.id,
      unit.group === undefined ? `user ${unit.user} has no group of its own; give one` : `there is no group ${unit.group}`,
    );
  }
  const may = (bit: bigint): boolean => (rights.effective & (1n << bit)) !== 0n;
  if (uid === rights.uid && gid === rights.gid && !may(setgid)) return []; // it is that already
  if (!may(setuid) || !may(setgid))
    throw missing(unit.id, 'the agent has no right to run it as another user or group: it must run as root for that');
  return [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
}

/** Whom the unit is to run as; undefined where there is no such user or group. */
export function identityOf({
  user,
  group,
}: Pick<Confinement, 'user' | 'group'>): { readonly uid: number; readonly gid: number } | undefined {
  const found = user === undefined ? undefined : findUser(user);
  const uid = user === undefined ? process.getuid?.() : found?.uid;
  const gid = group === undefined ? found?.gid : findGroup(group);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** By name or number in /etc/passwd; a number needs no entry. */
export function findUser(wanted: string): { readonly uid: number; readonly gid: number | undefined } | undefined {
  const row = rows('/etc/passwd').find(([name, , uid]) => name === wanted || uid === wanted);
  if (row !== undefined) return { uid: Number(row[2]), gid: Number(row[3]) };
  return /^\d+$/.test(wanted) ? { uid: Number(wanted), gid: undefined } : undefined;
}

export function findGroup(wanted: string): number | undefined {
  const row = rows('/etc/group').find(([name]) => name === wanted);
  if (row !== undefined) return Number(row[2]);
  return /^\d+$/.test(wanted) ? Number(wanted) : undefined;
}

function rows(file: string): readonly (readonly string[])[] {
  return read(file)
    .split('\n')
    .map((line) => line.split(':'));
}

function tool(id: string, name: string, keys: string, { path }: OwnRights): string {
  const found = findBinary(name, path, '/');
  if (found === undefined) throw missing(id, `${name}, which ${keys} need, is not there (util-linux has it)`);
  return found;
}

function missing(id: string, why: string): AgentError {
  return new AgentError('CONFINEMENT_UNAVAILABLE', `${id} was not started: ${why}`, { metadata: { process_id: id } });
}
