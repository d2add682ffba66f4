import { userInfo } from 'node:os';
import { assertNewToken, createToken, isLive, listTokens, parseScopes, revokeToken, type TokenRecord } from '../../access/index.ts';
import { auditedChange } from '../../audit/state-dir.ts';
import { AgentError, RefusedError } from '../../kernel/errors.ts';
import type { AgentPlace } from '../../settings/index.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { printable } from '../escape.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { duration, list, text } from '../flags.ts';
import { print, styleOf } from '../output.ts';
import { type Column, listTable, type Style } from '../table.ts';
import { localAgent } from '../target.ts';

export async function stateDirOf(context: Context): Promise<StateDir> {
  if (context.options.target !== undefined) {
    throw usage('tokens are kept in the state directory: --target does not go with them', "Run it on the agent's own machine.");
  }
  return localAgent(context);
}

/** Runs what works on the token file, and says its refusals as ours. */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof AgentError && error.reason === 'AUDIT_UNAVAILABLE') {
      throw new Failure(EXIT.refused, `no token was changed, because the audit cannot be written: ${error.message}`, {
        reason: error.reason,
      });
    }
    if (error instanceof AgentError) throw new Failure(EXIT.usage, error.message, { reason: error.reason });
    if (error instanceof RefusedError) throw new Failure(EXIT.refused, error.message);
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined || path === undefined) throw error;
    throw new Failure(EXIT.refused, `${path} cannot be used: ${code}`, {
      remedy: "Run it as the daemon's user, or name another --state-dir.",
    });
  }
}

type StateDir = Pick<AgentPlace, 'stateDir' | 'expected'>;

interface Change extends StateDir {
  readonly method: string;
  readonly target: string;
  readonly changes: readonly string[];
}

/** Makes a change of tokens with its entry in the audit. */
export function inAudit<T>({ io }: Context, { stateDir, expected, ...change }: Change, work: () => { value: T; target: string }): T {
  const call = { ...change, principal: `os:${userName()}`, via: 'cli', peer: '', traceId: '' };
  return auditedChange(stateDir, call, {
    clock: io.clock,
    expected,
    work: () => {
      const { value, target } = work();
      return { value, result: { code: 'OK', reason: '', target } };
    },
  });
}

/** Who runs the command, by the system; a user without a name has a number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

function unknownToken(id: string, stateDir: string): Failure {
  return new Failure(EXIT.refused, `there is no token ${JSON.stringify(id)} in ${stateDir}`, {
    remedy: '`sboxagent token list` shows what there is.',
  });
}

export function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function recordJson(record: TokenRecord, nowMs: number): object {
  return {
    id: record.id,
    name: record.name,
    scopes: record.scopes,
    create_time: timeOf(record.createTimeMs),
    expire_time: timeOf(record.expireTimeMs),
    revoke_time: timeOf(record.revokeTimeMs),
    state: stateOf(record, nowMs),
  };
}

function stateOf(record: TokenRecord, nowMs: number): string {
  if (record.revokeTimeMs !== undefined) return 'REVOKED';
  return isLive(record, nowMs) ? 'LIVE' : 'EXPIRED';
}

function tokenTable(records: readonly TokenRecord[], nowMs: number, style: Style): string {
  const columns: readonly Column<TokenRecord>[] = [
    { title: 'ID', cell: ({ id }) => id, whole: true },
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'SCOPES', cell: ({ scopes }) => scopes.join(',') },
    {
      title: 'STATE',
      cell: (record) => stateOf(record, nowMs),
      colour: (record) => (isLive(record, nowMs) ? 'green' : 'dim'),
    },
    { title: 'MADE', cell: ({ createTimeMs }) => timeOf(createTimeMs) ?? '' },
    { title: 'EXPIRES', cell: ({ expireTimeMs }) => timeOf(expireTimeMs) ?? 'never' },
  ];
  return listTable(columns, records, { style, none: 'There is no token; `sboxagent token create --scope read` makes one.' });
}

/** Those of the state directory, newest last. */
export async function knownTokens(context: Context): Promise<readonly TokenRecord[]> {
  const { stateDir } = await stateDirOf(context);
  return guarded(() => listTokens(stateDir));
}

export const createCommand: Handler = async (context, _args, flags) => {
  const scope = list(flags, 'scope');
  const replaces = text(flags, 'replaces');
  if (scope.length === 0 && replaces === undefined)
    throw usage('--scope is missing', 'One or more of read, events:write, operate, config:write, admin.');
  const ttlMs = duration(text(flags, 'ttl'), '--ttl');
  if (ttlMs === 0) throw usage('--ttl 0 would be over at once');
  const name = text(flags, 'name');
  const { stateDir, expected } = await stateDirOf(context);
  const { clock } = context.io;
  const made = guarded(() => {
    const old = replaces === undefined ? undefined : listTokens(stateDir).find(({ id }) => id === replaces);
    if (replaces !== undefined && old === undefined) throw unknownToken(replaces, stateDir);
    const scopes = scope.length === 0 ? (old?.scopes ?? []) : parseScopes(scope.join(','));
    const options = { stateDir, scopes, clock, name, ttlMs, replaces };
    assertNewToken(options);
    const changes = Object.entries({ scopes, name, ttl: ttlMs, replaces }).flatMap(([field, value]) =>
      value === undefined ? [] : [field],
    );
    return inAudit(context, { stateDir, expected, method: 'token.create', target: '', changes }, () => {
      const value = createToken(options);
      return { value, target: value.record.id };
    });
  });
  const { record, token } = made;
  const data = {
    id: record.id,
    name: record.name,
    scopes: record.scopes,
    token,
    create_time: timeOf(record.createTimeMs),
    expire_time: timeOf(record.expireTimeMs),
  };
  await print(context, data, () =>
    [
      `Token    ${token}`,
      `Id       ${record.id}`,
      `Name     ${printable(record.name)}`,
      `Scopes   ${record.scopes.join(',')}`,
      `Expires  ${timeOf(record.expireTimeMs) ?? 'never'}`,
      'It is shown this once: keep it where only its user can read it.\n',
    ].join('\n'),
  );
  return EXIT.done;
};

export const listCommand: Handler = async (context) => {
  const nowMs = context.io.clock.wallMs();
  const records = await knownTokens(context);
  const style = await styleOf(context);
  await print(
    context,
    records.map((record) => recordJson(record, nowMs)),
    () => tokenTable(records, nowMs, style),
  );
  return EXIT.done;
};

export const revokeCommand: Handler = async (context, [id = '']) => {
  const { stateDir, expected } = await stateDirOf(context);
  // Looked up first: a wrong id, or a wrong directory, must not make files.
  const known = guarded(() => listTokens(stateDir)).some((record) => record.id === id);
  const change = { stateDir, expected, method: 'token.revoke', target: id, changes: [] };
  const revoke = (): TokenRecord | undefined =>
    inAudit(context, change, () => ({ value: revokeToken(stateDir, id, context.io.clock), target: id }));
  const record = known ? guarded(revoke) : undefined;
  if (record === undefined) throw unknownToken(id, stateDir);
  const nowMs = context.io.clock.wallMs();
  await print(context, recordJson(record, nowMs), () => `${record.id} (${printable(record.name)}) is revoked\n`);
  return EXIT.done;
};
