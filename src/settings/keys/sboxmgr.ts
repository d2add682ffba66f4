import { boolean, duration, group, key, live, mode, path, program, writable } from './kinds.ts';
import type { Key } from './types.ts';

const rows: readonly Key[] = [
  key('sboxmgr.socket.enabled', boolean, true, 'Whether the socket for sboxmgr is opened.'),
  key('sboxmgr.socket.path', path, '/tmp/sboxagent.sock', 'Where sboxmgr looks for it.'),
  key('sboxmgr.socket.mode', mode, '0600', 'File mode of the socket.'),
  key('sboxmgr.socket.group', group, undefined, "Group that owns the socket. Default: the daemon's own."),
  live('sboxmgr.schedule.enabled', boolean, false, 'Whether sboxmgr is run by a schedule.'),
  live('sboxmgr.schedule.command', program, [], 'Program and arguments of a run.'),
  live('sboxmgr.schedule.interval', duration(1000), undefined, 'Time from run to run. Exactly one of interval and cron is given.'),
  live(
    'sboxmgr.schedule.cron',
    { kind: 'string' },
    undefined,
    'A cron line instead: 5 or 6 fields, or @hourly, @daily, @weekly, @monthly, @yearly.',
  ),
  live('sboxmgr.schedule.timeout', duration(1000), '5m', 'How long a run may take.'),
  live('sboxmgr.schedule.jitter', duration(0), '0s', 'By how much a run is delayed at random, at most.'),
  live('sboxmgr.schedule.run_at_start', boolean, true, 'Whether there is a run at the start.'),
];

/** `sboxmgr`: its socket and its runs. */
export const sboxmgrKeys = writable(rows, [
  'sboxmgr.schedule.enabled',
  'sboxmgr.schedule.interval',
  'sboxmgr.schedule.cron',
  'sboxmgr.schedule.timeout',
  'sboxmgr.schedule.jitter',
  'sboxmgr.schedule.run_at_start',
]);
