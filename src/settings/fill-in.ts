import { homedir, hostname } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type Entries, putComputed, putDefault, putFlag } from './entries.ts';
import { keyTable } from './keys.ts';
import type { Units } from './units.ts';

export interface FillOptions {
  /** `--state-dir` */
  readonly stateDir?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** What was not said of the agent itself. */
export function fillIn(entries: Entries, options: FillOptions): void {
  if (options.stateDir !== undefined) {
    putFlag(entries, 'agent.state_dir', { name: '--state-dir', value: options.stateDir, cwd: options.cwd });
  }
  putComputed(entries, 'agent.name', hostname() || 'sboxagent');
  putComputed(entries, 'agent.state_dir', defaultStateDir(options.env));
  for (const row of keyTable) putDefault(entries, '', row);
  putComputed(entries, 'api.unix_socket.path', join(String(entries.get('agent.state_dir')?.value), 'api.sock'));
  putComputed(entries, 'api.security.rate_limit.burst', entries.get('api.security.rate_limit.requests_per_minute')?.value);
}

/** What was not said of the units. */
export function fillInUnits(entries: Entries, units: Units): void {
  for (const { base, keys } of units.values()) {
    for (const row of keys) putDefault(entries, `${base}.`, row);
    putComputed(entries, `${base}.on_agent_exit`, entries.has(`${base}.engine`) ? 'keep' : 'stop');
  }
}

function defaultStateDir(env: FillOptions['env']): string {
  if (process.getuid?.() === 0) return '/var/lib/sboxagent';
  const named = env['XDG_STATE_HOME'] ?? '';
  // The XDG base directory specification: relative ones are invalid and to be ignored.
  return join(isAbsolute(named) ? named : join(env['HOME'] || homedir(), '.local/state'), 'sboxagent');
}
