/**
 * The table of keys: one row a key of the configuration gives its type, default, range and meaning. Loading, the environment's
 * names, printing, the check for unknown keys and docs/configuration.md all read this table and no other.
 */
export type KeyType =
  | { readonly kind: 'string' }
  | { readonly kind: 'path' }
  | { readonly kind: 'secret' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'size'; readonly minBytes: number; readonly maxBytes: number }
  | { readonly kind: 'mode' }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'strings' }
  | { readonly kind: 'paths' }
  /** A map whose rows are described elsewhere. */
  | { readonly kind: 'units' }
  /** Keys of a later version: only the empty value is accepted. */
  | { readonly kind: 'later' };

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
const string: KeyType = { kind: 'string' };
const boolean: KeyType = { kind: 'boolean' };
const strings: KeyType = { kind: 'strings' };
const later: KeyType = { kind: 'later' };
const integer = (min: number, max: number): KeyType => ({ kind: 'integer', min, max });
const duration = (minMs: number, maxMs = 366 * DAY_MS): KeyType => ({ kind: 'duration', minMs, maxMs });
const size = (minBytes: number, maxBytes: number): KeyType => ({ kind: 'size', minBytes, maxBytes });
const choice = (...values: readonly string[]): KeyType => ({ kind: 'choice', values });
const key = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({ path, type, fallback, doc });
const live = (path: string, type: KeyType, fallback: unknown, doc: string): Key => ({ path, type, fallback, doc, live: true });

const KIB = 1024;
const MIB = KIB * KIB;
const TIB = MIB * MIB;

/** Names whose values are never stored (contract, section 4). */
export const secretNames: readonly string[] = [
  'password',
  'passwd',
  'secret',
  'token',
  'authorization',
  'private_key',
  'api_key',
  'access_key',
  'credentials',
  'cookie',
];

export const keyTable: readonly Key[] = [
  key('agent.name', string, undefined, "Name of this agent. Default: the host's name."),
  key(
    'agent.state_dir',
    { kind: 'path' },
    undefined,
    'Where all state lives. Default: /var/lib/sboxagent as root, else $XDG_STATE_HOME/sboxagent.',
  ),
  live('agent.log_level', choice('trace', 'debug', 'info', 'warn', 'error', 'fatal'), 'info', "Least level of the agent's own log."),
  key('agent.auto_reload', boolean, true, 'Whether changed configuration files are read again by themselves.'),
  key('api.enabled', boolean, true, 'Whether the TCP port is opened; the unix socket always is.'),
  key('api.host', string, '127.0.0.1', 'Address to listen on. Others than loopback need TLS and auth.'),
  key('api.port', integer(0, 65_535), 8080, 'The one TCP port; 0 takes a free one.'),
  key('api.unix_socket.path', { kind: 'path' }, undefined, 'Default: <state_dir>/api.sock.'),
  key('api.unix_socket.mode', { kind: 'mode' }, '0660', 'File mode of the socket: who may connect is admin.'),
  key('api.unix_socket.group', string, undefined, "Group that owns the socket. Default: the daemon's own."),
  key('api.tls.cert_file', { kind: 'path' }, undefined, 'Certificate chain, PEM.'),
  key('api.tls.key_file', { kind: 'path' }, undefined, 'Private key, PEM.'),
  key('api.tls.client_ca_file', { kind: 'path' }, undefined, 'Authorities whose client certificates are demanded (mTLS).'),
  live('api.allowed_hosts', strings, [], 'Names in Host that are served besides localhost, 127.0.0.1 and [::1].'),
  key('api.security.auth_enabled', boolean, true, 'Whether callers need a token.'),
  live('api.security.auth_token', { kind: 'secret' }, undefined, 'One static admin token, at least 32 characters.'),
  live('api.security.auth_token_file', { kind: 'path' }, undefined, 'A file (0600) that holds it instead.'),
  live('api.security.rate_limit.enabled', boolean, true, 'Whether requests are limited, by token, else by peer address.'),
  live('api.security.rate_limit.requests_per_minute', integer(1, 10_000_000), 100, 'Steady rate.'),
  live('api.security.rate_limit.burst', integer(1, 10_000_000), undefined, 'Requests at once. Default: requests_per_minute.'),
  live('api.security.cors.enabled', boolean, true, 'Whether pages of the allowed origins may call.'),
  live('api.security.cors.allowed_origins', strings, [], 'Exact origins.'),
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
  key('api.metrics.prometheus_endpoint', string, '/metrics', 'Its path at the root, besides /api/v1/metrics/prometheus.'),
  key('api.metrics.collection_interval', duration(100), '15s', 'How often what is costly is collected.'),
  key('api.metrics.public', boolean, false, 'Whether it is served without a token.'),
  live('processes.units', { kind: 'units' }, {}, 'Declared units by id.'),
  key('processes.inline.enabled', boolean, false, 'Whether StartProcess may carry a command of its own.'),
  key('processes.inline.allowed_binaries', { kind: 'paths' }, [], 'The absolute binaries that it may name.'),
  key('plugins.enabled', boolean, true, 'Whether plugins are served.'),
  key('plugins.health_check.enabled', boolean, true, 'Whether the health of plugins is judged.'),
  key('plugins.health_check.interval', duration(100), '60s', 'How often.'),
  key('plugins.health_check.timeout', duration(100), '10s', 'How long a check may take.'),
  key('plugins.health_check.retries', integer(1, 1000), 3, 'Failures in a row that make a plugin UNHEALTHY.'),
  key('plugins.event_collection.enabled', boolean, true, 'Whether events of plugins are taken.'),
  key('plugins.event_collection.buffer_size', integer(1, 1_000_000), 1000, 'Events that may wait in memory.'),
  key('plugins.event_collection.flush_interval', duration(1), '5s', 'How long they may wait.'),
  key('plugins.configuration.auto_reload', boolean, true, 'Whether changed documents of plugins are read again.'),
  key('plugins.configuration.validation', boolean, true, 'Whether they are judged by their schema.'),
  key('plugins.configuration.backup_enabled', boolean, true, 'Whether they are backed up before a change.'),
  key('plugins.configuration.backup_retention', duration(1000), '7d', 'How long backups are kept.'),
  key('plugins.units', later, {}, 'Plugins that sboxagent runs.'),
  key('plugins.limits', later, {}, 'Bounds of the registry.'),
  key(
    'events.durability',
    choice('full', 'relaxed'),
    'full',
    'full: acknowledged events survive a loss of power; relaxed: the end of the agent.',
  ),
  live('events.retention.age', duration(1000, 3660 * DAY_MS), '7d', 'How long events are kept.'),
  live('events.retention.bytes', size(64 * KIB, TIB), '256MiB', 'How many bytes of events are kept.'),
  live('events.retention.count', integer(1, 100_000_000), 100_000, 'How many events are kept.'),
  key('events.redact.enabled', boolean, true, 'Whether values under secret names are stored as ***.'),
  key('events.redact.names', strings, secretNames, 'Those names.'),
  live('logs.retention', duration(1000, 3660 * DAY_MS), '30d', 'How long log lines are kept.'),
  live('logs.max_bytes_per_source', size(64 * KIB, TIB), '100MiB', 'Bytes in total per source.'),
  live('logs.files', integer(2, 1000), 10, 'In that many files.'),
  key('telemetry.otlp_endpoint', string, undefined, 'Base URL of an OTLP/HTTP collector. Default: none.'),
  key('telemetry.sample_ratio', { kind: 'number', min: 0, max: 1 }, 1, 'Share of traces that are sent.'),
  key('alerts.rules', later, [], 'Alert rules.'),
  key('alerts.webhooks', later, [], 'Where alerts are sent.'),
  key('sboxmgr.socket', later, {}, 'The socket for sboxmgr.'),
  key('sboxmgr.schedule', later, {}, 'Runs of sboxmgr.'),
];

/** Keys that are read under another name: the seed's. */
export const aliases: Readonly<Record<string, string>> = { 'api.websocket': 'api.streams' };

/** `api.port` -> `SBOXAGENT_API_PORT`. */
export function environmentName(path: string): string {
  return `SBOXAGENT_${path.toUpperCase().replaceAll('.', '_')}`;
}
