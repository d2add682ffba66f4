import { engineNames } from '../types.ts';
import { boolean, choice, duration, HOUR_MS, integer, key, live, number, path, program, strings, writable } from './kinds.ts';
import { limitKeys } from './limits.ts';
import { probeKeys } from './probes.ts';
import type { Form, Key } from './types.ts';

const names: Form = { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, what: 'a name of an environment variable' };

const unitRows: readonly Key[] = [
  key('engine', choice(...engineNames), undefined, 'Kind of proxy engine. Exactly one of engine and command is given.'),
  key('command', program, [], 'Program and arguments of any other process.'),
  key('binary', path, undefined, "The engine's program. Default: its name on the daemon's PATH."),
  key('args', program, [], "Appended to the engine's own run arguments."),
  key('config_path', path, undefined, "The engine's configuration file; an engine needs one."),
  key('cwd', path, undefined, 'Working directory. Default: <state_dir>/units/<id>.'),
  key('env', { kind: 'texts', names, masked: true }, {}, 'What the unit gets besides PATH, HOME, USER, LANG, LC_ALL, TZ.'),
  key('pass_env', { kind: 'strings', form: names }, [], "Names that it is lent from the daemon's environment."),
  key('autostart', boolean, false, 'Whether it is started with the daemon.'),
  key('depends_on', strings, [], 'Units that are READY before it starts and stop after it.'),
  key(
    'on_agent_exit',
    choice('keep', 'stop'),
    undefined,
    'What the end of the daemon means to it. Default: keep for engines, stop for commands.',
  ),
  key('restart.policy', choice('no', 'on-failure', 'always'), 'on-failure', 'When it is started again by itself.'),
  key('restart.base', duration(0, 24 * HOUR_MS), '1s', 'First delay.'),
  key('restart.factor', number(1, 100), 2, 'By which each next delay grows.'),
  key('restart.max', duration(0, 24 * HOUR_MS), '60s', 'Longest delay.'),
  key('restart.jitter', number(0, 1), 0.1, 'Share by which a delay is lengthened at random, at most.'),
  key('restart.burst', integer(1, 10_000), 5, 'So many restarts within the window make a CRASH_LOOP.'),
  key('restart.window', duration(1, 24 * HOUR_MS), '60s', 'That window.'),
  key('restart.stable_after', duration(0, 24 * HOUR_MS), '30s', 'Up so long, it is counted from the beginning again.'),
  key(
    'stop.signal',
    choice('SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'),
    'SIGTERM',
    'Sent to the whole group.',
  ),
  key('stop.grace', duration(0, HOUR_MS), '15s', 'Time until SIGKILL to all that is left.'),
  ...limitKeys,
  ...probeKeys('probes.startup', { period: '10s', timeout: '1s', failureThreshold: 3, maxSuccess: 1 }),
  ...probeKeys('probes.readiness', { period: '10s', timeout: '1s', failureThreshold: 3, maxSuccess: 1000 }),
  ...probeKeys('probes.liveness', { period: '10s', timeout: '1s', failureThreshold: 3, maxSuccess: 1 }),
  key(
    'apply.ready_within',
    duration(100, HOUR_MS),
    '15s',
    'After a new config was put in, the engine is READY within this, or the old one is put back.',
  ),
  ...probeKeys('apply.probe', { period: '500ms', timeout: '2s', failureThreshold: 3, maxSuccess: 1 }),
  key(
    'apply.soak',
    duration(0, HOUR_MS),
    '5s',
    'So long its probe must hold before a new config is kept. Default probe: readiness, where that is a proxy probe.',
  ),
  key('apply.allowed_dirs', { kind: 'paths' }, [], "Where an applied config may name files, besides the unit's own directory and cwd."),
  key(
    'apply.policy',
    choice('enforce', 'warn'),
    'enforce',
    'Whether a config that chooses what it may not (files elsewhere, programs, open APIs) is refused or told.',
  ),
  key(
    'apply.on_file_change',
    choice('report', 'apply'),
    'report',
    'What a change of the config file by hand means: it is told as a drift, or applied like any other.',
  ),
];

/** The numbers of a probe; what it asks, and how, is not among them. */
const probeNumbers = ['initial_delay', 'period', 'timeout', 'success_threshold', 'failure_threshold'];
const tunable = ['probes.startup', 'probes.readiness', 'probes.liveness', 'apply.probe'].flatMap((probe) =>
  probeNumbers.map((name) => `${probe}.${name}`),
);

/** The keys of one unit (units.md), below `processes.units.<id>`. */
export const unitKeyTable = writable(unitRows, [
  'autostart',
  'depends_on',
  'on_agent_exit',
  'restart.*',
  'stop.*',
  'apply.ready_within',
  'apply.soak',
  ...tunable,
]);

/** `processes`. */
export const processKeys: readonly Key[] = [
  live('processes.units', { kind: 'units', keys: unitKeyTable }, {}, 'Declared units by id.'),
  key(
    'processes.cgroups',
    boolean,
    true,
    'Whether each unit gets a cgroup v2 of its own where one can be had (root, or delegated): nothing escapes its stop then. `sboxagent doctor` says which.',
  ),
  key('processes.inline.enabled', boolean, false, 'Whether StartProcess may carry a command of its own.'),
  key('processes.inline.allowed_binaries', { kind: 'paths' }, [], 'The absolute binaries that it may name.'),
];
