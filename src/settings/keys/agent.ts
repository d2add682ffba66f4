import { boolean, choice, duration, HOUR_MS, key, live, path, text, writable } from './kinds.ts';
import type { Key } from './types.ts';

const rows: readonly Key[] = [
  key(
    'agent.name',
    text(/^[\p{L}\p{N}][\p{L}\p{N}._:@ -]{0,127}$/u, 'a name of at most 128 letters, digits and . _ : @ -'),
    undefined,
    "Name of this agent. Default: the host's name.",
  ),
  key('agent.state_dir', path, undefined, 'Where all state lives. Default: /var/lib/sboxagent as root, else $XDG_STATE_HOME/sboxagent.'),
  live('agent.log_level', choice('trace', 'debug', 'info', 'warn', 'error', 'fatal'), 'info', "Least level of the agent's own log."),
  live('agent.auto_reload', boolean, true, 'Whether changed configuration files are read again by themselves.'),
  live('agent.reload_delay', duration(0, HOUR_MS), '1s', 'How long they must have been still before that; 5s where it stops a unit.'),
];

/** `agent`. */
export const agentKeys = writable(rows, ['agent.name', 'agent.log_level', 'agent.auto_reload', 'agent.reload_delay']);
