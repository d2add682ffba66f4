import { defaultSecretNames } from '../kernel/redaction.ts';

/**
 * The table of keys: one row a key of the configuration gives its type, default, range and meaning. Loading, the environment's
 * names, printing, the check for unknown keys and docs/configuration.md all read this table and no other.
 */
export type KeyType =
  | { readonly kind: 'string'; readonly form?: Form }
  | { readonly kind: 'path' }
  | { readonly kind: 'secret' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'size'; readonly minBytes: number; readonly maxBytes: number }
  | { readonly kind: 'mode' }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'strings'; readonly form?: Form }
  | { readonly kind: 'paths' }
  /** Names of environment variables and their values. */
  | { readonly kind: 'variables' }
  /** Units by id, each with the keys of `unitKeyTable`. */
  | { readonly kind: 'units' }
  /** Keys of a later version: only the empty value is accepted. */
  | { readonly kind: 'later' };

/** What a text has to look like. */
export interface Form {
  readonly pattern: RegExp;
  /** For the refusal: `not ${what}`. */
  readonly what: string;
}

export interface Key {
  /** Dotted path. */
  readonly path: string;
  readonly type: KeyType;
  /** In the notation of the configuration; undefined = absent. */
  readonly fallback?: unknown;
  readonly doc: string;
  /** Whether a reload puts it into effect without a restart. */
  readonly live?: true;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Timers take no more than 2^31 - 1 milliseconds; a longer one would fire at once. */
const TIMER_MS = 24 * DAY_MS;
const YEARS_MS = 3660 * DAY_MS;
const text = (pattern: RegExp, what: string): KeyType => ({ kind: 'string', form: { pattern, what } });
const texts = (pattern: RegExp, what: string): KeyType => ({ kind: 'strings', form: { pattern, what } });
const path: KeyType = { kind: 'path' };
const boolean: KeyType = { kind: 'boolean' };
const strings: KeyType = { kind: 'strings' };
const later: KeyType = { kind: 'later' };
const program = texts(/^[^\0]*$/, 'a text');
const group = text(/^[\w][\w.-]{0,31}$/, 'the name or number of a group');
const integer = (min: number, max: number): KeyType => ({ kind: 'integer', min, max });
const number = (min: number, max: number): KeyType => ({ kind: 'number', min, max });
const duration = (minMs: number, maxMs = TIMER_MS): KeyType => ({ kind: 'duration', minMs, maxMs });
const size = (minBytes: number, maxBytes: number): KeyType => ({ kind: 'size', minBytes, maxBytes });
const choice = (...values: readonly string[]): KeyType => ({ kind: 'choice', values });
const key = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({ path, type, fallback, doc });
const live = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({ path, type, fallback, doc, live: true });

const KIB = 1024;
const MIB = KIB * KIB;
const TIB = MIB * MIB;

export const keyTable: readonly Key[] = [
  key(
    'agent.name',
    text(/^[\p{L}\p{N}][\p{L}\p{N}._:@ -]{0,127}$/u, 'a name of at most 128 letters, digits and . _ : @ -'),
    undefined,
    "Name of this agent. Default: the host's name.",
  ),
  key('agent.state_dir', path, undefined, 'Where all state lives. Default: /var/lib/sboxagent as root, else $XDG_STATE_HOME/sboxagent.'),
  live('agent.log_level', choice('trace', 'debug', 'info', 'warn', 'error', 'fatal'), 'info', "Least level of the agent's own log."),
  live('agent.auto_reload', boolean, true, 'Whether changed configuration files are read again by themselves.'),
  key('api.enabled', boolean, true, 'Whether the TCP port is opened; the unix socket always is.'),
  key(
    'api.host',
    text(/^[\w.:%[\]-]{1,253}$/, 'an address such as 127.0.0.1'),
    '127.0.0.1',
    'Address to listen on. Others than loopback need TLS and auth.',
  ),
  key('api.port', integer(0, 65_535), 8080, 'The one TCP port; 0 takes a free one.'),
  key('api.unix_socket.path', path, undefined, 'Default: <state_dir>/api.sock.'),
  key('api.unix_socket.mode', { kind: 'mode' }, '0660', 'File mode of the socket: who may connect is admin.'),
  key('api.unix_socket.group', group, undefined, "Group that owns the socket. Default: the daemon's own."),
  key('api.tls.cert_file', path, undefined, 'Certificate chain, PEM.'),
  key('api.tls.key_file', path, undefined, 'Private key, PEM.'),
  key('api.tls.client_ca_file', path, undefined, 'Authorities whose client certificates are demanded (mTLS).'),
  live(
    'api.allowed_hosts',
    texts(/^[A-Za-z0-9._:[\]-]{1,253}$/, 'a host name as in agent.example.org'),
    [],
    'Names in Host that are served besides localhost, 127.0.0.1 and [::1].',
  ),
  key('api.security.auth_enabled', boolean, true, 'Whether callers need a token.'),
  live('api.security.auth_token', { kind: 'secret' }, undefined, 'One static admin token, at least 32 characters.'),
  live('api.security.auth_token_file', path, undefined, 'A file (0600) that holds it instead.'),
  live('api.security.rate_limit.enabled', boolean, true, 'Whether requests are limited, by token, else by peer address.'),
  live('api.security.rate_limit.requests_per_minute', integer(1, 10_000_000), 100, 'Steady rate.'),
  live('api.security.rate_limit.burst', integer(1, 10_000_000), undefined, 'Requests at once. Default: requests_per_minute.'),
  live('api.security.cors.enabled', boolean, true, 'Whether pages of the allowed origins may call.'),
  live(
    'api.security.cors.allowed_origins',
    texts(/^(?:[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*,]+|\*)$/, 'an exact origin as in http://localhost:3000'),
    [],
    'Exact origins.',
  ),
  key('api.streams.enabled', boolean, true, 'Whether streams are served.'),
  live('api.streams.ping_interval', duration(100), '30s', 'Longest silence on a stream.'),
  live('api.streams.pong_timeout', duration(100), '10s', 'A watcher that reads nothing for so long is cut.'),
  live('api.streams.max_connections', integer(1, 100_000), 100, 'Streams at once.'),
  live('api.limits.message_bytes', size(KIB, 64 * MIB), '1MiB', 'Largest message.'),
  live('api.limits.json_depth', integer(1, 1000), 32, 'Deepest nesting of JSON.'),
  live('api.limits.connections', integer(1, 100_000), 256, 'Connections at once.'),
  live('api.limits.streams_per_connection', integer(1, 10_000), 100, 'Calls at once on one HTTP/2 connection.'),
  live('api.limits.concurrent_unary', integer(1, 100_000), 128, 'Unary calls at once.'),
  live('api.limits.header_timeout', duration(1000), '10s', 'Time for the headers of a request.'),
  live('api.limits.body_timeout', duration(1000), '30s', 'Time for the body of a request.'),
  live('api.limits.idle_timeout', duration(1000), '60s', 'Time that a connection may be without a request.'),
  key('api.metrics.enabled', boolean, true, 'Whether the Prometheus text is served.'),
  key(
    'api.metrics.prometheus_endpoint',
    text(/^\/[\w./~-]{0,200}$/, 'a path as in /metrics'),
    '/metrics',
    'Its path at the root, besides /api/v1/metrics/prometheus.',
  ),
  key('api.metrics.collection_interval', duration(100), '15s', 'How often what is costly is collected.'),
  key('api.metrics.public', boolean, false, 'Whether it is served without a token.'),
  live('processes.units', { kind: 'units' }, {}, 'Declared units by id.'),
  key('processes.inline.enabled', boolean, false, 'Whether StartProcess may carry a command of its own.'),
  key('processes.inline.allowed_binaries', { kind: 'paths' }, [], 'The absolute binaries that it may name.'),
  key('plugins.enabled', boolean, true, 'Whether plugins are served.'),
  live('plugins.health_check.enabled', boolean, true, 'Whether the health of plugins is judged.'),
  live('plugins.health_check.interval', duration(100), '60s', 'How often.'),
  live('plugins.health_check.timeout', duration(100), '10s', 'How long a check may take.'),
  live('plugins.health_check.retries', integer(1, 1000), 3, 'Failures in a row that make a plugin UNHEALTHY.'),
  live('plugins.event_collection.enabled', boolean, true, 'Whether events of plugins are taken.'),
  live('plugins.event_collection.buffer_size', integer(1, 1_000_000), 1000, 'Events that may wait in memory.'),
  live('plugins.event_collection.flush_interval', duration(1), '5s', 'How long they may wait.'),
  live('plugins.configuration.auto_reload', boolean, true, 'Whether changed documents of plugins are read again.'),
  live('plugins.configuration.validation', boolean, true, 'Whether they are judged by their schema.'),
  live('plugins.configuration.backup_enabled', boolean, true, 'Whether they are backed up before a change.'),
  live('plugins.configuration.backup_retention', duration(1000, YEARS_MS), '7d', 'How long backups are kept.'),
  live('plugins.units', later, {}, 'Plugins that sboxagent runs.'),
  live('plugins.limits.plugins', integer(1, 10_000), 1000, 'Plugins that are known at once.'),
  live('plugins.limits.labels', integer(0, 1000), 32, 'Labels of one plugin.'),
  key(
    'events.durability',
    choice('full', 'relaxed'),
    'full',
    'full: acknowledged events survive a loss of power; relaxed: the end of the agent.',
  ),
  live('events.retention.age', duration(1000, YEARS_MS), '7d', 'How long events are kept.'),
  live('events.retention.bytes', size(64 * KIB, TIB), '256MiB', 'How many bytes of events are kept.'),
  live('events.retention.count', integer(1, 100_000_000), 100_000, 'How many events are kept.'),
  key('events.redact.enabled', boolean, true, 'Whether values under secret names are stored as ***.'),
  key('events.redact.names', texts(/^\S{1,100}$/, 'a name'), defaultSecretNames, 'Those names.'),
  live('logs.retention', duration(1000, YEARS_MS), '30d', 'How long log lines are kept.'),
  live('logs.max_bytes_per_source', size(64 * KIB, TIB), '100MiB', 'Bytes in total per source.'),
  live('logs.files', integer(2, 1000), 10, 'In that many files.'),
  key(
    'telemetry.otlp_endpoint',
    text(/^https?:\/\/[^\s]+$/, 'a base URL as in http://127.0.0.1:4318'),
    undefined,
    'Base URL of an OTLP/HTTP collector. Default: none.',
  ),
  key('telemetry.sample_ratio', number(0, 1), 1, 'Share of traces that are sent.'),
  live('alerts.rules', later, [], 'Alert rules.'),
  live('alerts.webhooks', later, [], 'Where alerts are sent.'),
  key('sboxmgr.socket.enabled', boolean, true, 'Whether the socket for sboxmgr is opened.'),
  key('sboxmgr.socket.path', path, '/tmp/sboxagent.sock', 'Where sboxmgr looks for it.'),
  key('sboxmgr.socket.mode', { kind: 'mode' }, '0600', 'File mode of the socket.'),
  key('sboxmgr.socket.group', group, undefined, "Group that owns the socket. Default: the daemon's own."),
  live('sboxmgr.schedule.enabled', boolean, false, 'Whether sboxmgr is run by a schedule.'),
  live('sboxmgr.schedule.command', program, [], 'Program and arguments of a run.'),
  live('sboxmgr.schedule.interval', duration(1000), undefined, 'Time from run to run. Exactly one of interval and cron is given.'),
  live('sboxmgr.schedule.cron', text(/^\s*\S+(?:\s+\S+){4,5}\s*$/, 'a cron line of 5 or 6 fields'), undefined, 'A cron line instead.'),
  live('sboxmgr.schedule.timeout', duration(1000), '5m', 'How long a run may take.'),
  live('sboxmgr.schedule.jitter', duration(0), '0s', 'By how much a run is delayed at random, at most.'),
  live('sboxmgr.schedule.run_at_start', boolean, true, 'Whether there is a run at the start.'),
];

const names = texts(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name of an environment variable');

/** The keys of one unit (units.md), below `processes.units.<id>`. What a later version brings is refused by name, not taken and ignored. */
export const unitKeyTable: readonly Key[] = [
  key('engine', choice('sing-box'), undefined, 'Kind of proxy engine. Exactly one of engine and command is given.'),
  key('command', program, [], 'Program and arguments of any other process.'),
  key('binary', path, undefined, "The engine's program. Default: its name on the daemon's PATH."),
  key('args', program, [], "Appended to the engine's own run arguments."),
  key('config_path', path, undefined, "The engine's configuration file; an engine needs one."),
  key('cwd', path, undefined, 'Working directory. Default: <state_dir>/units/<id>.'),
  key('env', { kind: 'variables' }, {}, 'What the unit gets besides PATH, HOME, USER, LANG, LC_ALL, TZ.'),
  key('pass_env', names, [], "Names that it is lent from the daemon's environment."),
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
  key('restart.jitter', number(0, 10), 0.1, 'Share by which a delay is lengthened at random, at most.'),
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
  key('user', later, undefined, 'Whom it runs as.'),
  key('group', later, undefined, 'Its group.'),
  key('no_new_privs', later, undefined, 'Whether it can gain rights.'),
  key('capabilities', later, [], 'Ambient capabilities.'),
  key('limits', later, {}, 'Its resource limits.'),
  key('probes', later, {}, 'How it is proved well.'),
  key('apply', later, {}, 'How a new config proves itself.'),
];

/** Keys that are read under another name: the seed's. */
export const aliases: ReadonlyMap<string, string> = new Map([['api.websocket', 'api.streams']]);

/** `api.port` -> `SBOXAGENT_API_PORT`; what no shell takes in a name (the `-` of an id) is an underscore too. */
export function environmentName(path: string): string {
  return `SBOXAGENT_${path.toUpperCase().replace(/[.-]/g, '_')}`;
}
