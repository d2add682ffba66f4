import type { Entries } from './entries.ts';
import { type Key, keyTable, unitKeyTable } from './keys.ts';
import type { PluginSettings, SboxmgrSettings, Settings, UnitSettings } from './types.ts';
import { notation } from './values.ts';

/** The name that a key has in the settings: `ping_interval` -> `pingIntervalMs`. */
export function settingName(part: string, row: Key | undefined): string {
  const name = part.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return row?.type.kind === 'duration' ? `${name}Ms` : name;
}

/** The effective values in the shape that the rooms use. */
export function toSettings(entries: Entries, ids: readonly string[]): Settings {
  // The table gave each value its type; this is the one place where the rooms' types are claimed for them.
  const get = <T>(path: string): T => entries.get(path)?.value as T;
  const units = Object.fromEntries(ids.map((id) => [id, toUnit(entries, id)]));
  return {
    agent: {
      name: get('agent.name'),
      stateDir: get('agent.state_dir'),
      logLevel: get('agent.log_level'),
      autoReload: get('agent.auto_reload'),
    },
    api: {
      enabled: get('api.enabled'),
      host: get('api.host'),
      port: get('api.port'),
      unixSocket: { path: get('api.unix_socket.path'), mode: get('api.unix_socket.mode'), group: get('api.unix_socket.group') },
      tls: entries.has('api.tls.cert_file')
        ? { certFile: get('api.tls.cert_file'), keyFile: get('api.tls.key_file'), clientCaFile: get('api.tls.client_ca_file') }
        : undefined,
      allowedHosts: get('api.allowed_hosts'),
      security: {
        authEnabled: get('api.security.auth_enabled'),
        authToken: get('api.security.auth_token'),
        authTokenFile: get('api.security.auth_token_file'),
        rateLimit: {
          enabled: get('api.security.rate_limit.enabled'),
          requestsPerMinute: get('api.security.rate_limit.requests_per_minute'),
          burst: get('api.security.rate_limit.burst'),
        },
        cors: { enabled: get('api.security.cors.enabled'), allowedOrigins: get('api.security.cors.allowed_origins') },
      },
      streams: {
        enabled: get('api.streams.enabled'),
        pingIntervalMs: get('api.streams.ping_interval'),
        pongTimeoutMs: get('api.streams.pong_timeout'),
        maxConnections: get('api.streams.max_connections'),
      },
      limits: {
        messageBytes: get('api.limits.message_bytes'),
        jsonDepth: get('api.limits.json_depth'),
        connections: get('api.limits.connections'),
        streamsPerConnection: get('api.limits.streams_per_connection'),
        concurrentUnary: get('api.limits.concurrent_unary'),
        headerTimeoutMs: get('api.limits.header_timeout'),
        bodyTimeoutMs: get('api.limits.body_timeout'),
        idleTimeoutMs: get('api.limits.idle_timeout'),
      },
      metrics: {
        enabled: get('api.metrics.enabled'),
        prometheusEndpoint: get('api.metrics.prometheus_endpoint'),
        collectionIntervalMs: get('api.metrics.collection_interval'),
        public: get('api.metrics.public'),
      },
    },
    processes: { units, inline: { enabled: get('processes.inline.enabled'), allowedBinaries: get('processes.inline.allowed_binaries') } },
    plugins: pluginsOf(entries),
    alerts: { rules: [], webhooks: [] },
    sboxmgr: sboxmgrOf(entries),
    events: {
      durability: get('events.durability'),
      retention: { ageMs: get('events.retention.age'), bytes: get('events.retention.bytes'), count: get('events.retention.count') },
      redact: { enabled: get('events.redact.enabled'), names: get('events.redact.names') },
    },
    logs: { retentionMs: get('logs.retention'), maxBytesPerSource: get('logs.max_bytes_per_source'), files: get('logs.files') },
    telemetry: { otlpEndpoint: get('telemetry.otlp_endpoint'), sampleRatio: get('telemetry.sample_ratio') },
  };
}

function toUnit(entries: Entries, id: string): UnitSettings {
  const get = <T>(path: string): T => entries.get(`processes.units.${id}.${path}`)?.value as T;
  return {
    id,
    engine: get('engine'),
    command: get('command'),
    binary: get('binary'),
    args: get('args'),
    configPath: get('config_path'),
    cwd: get('cwd'),
    env: get('env'),
    passEnv: get('pass_env'),
    autostart: get('autostart'),
    dependsOn: get('depends_on'),
    onAgentExit: get('on_agent_exit'),
    restart: {
      policy: get('restart.policy'),
      baseMs: get('restart.base'),
      factor: get('restart.factor'),
      maxMs: get('restart.max'),
      jitter: get('restart.jitter'),
      burst: get('restart.burst'),
      windowMs: get('restart.window'),
      stableAfterMs: get('restart.stable_after'),
    },
    stop: { signal: get('stop.signal'), graceMs: get('stop.grace') },
  };
}

function pluginsOf(entries: Entries): PluginSettings {
  const get = <T>(path: string): T => entries.get(`plugins.${path}`)?.value as T;
  return {
    enabled: get('enabled'),
    healthCheck: {
      enabled: get('health_check.enabled'),
      intervalMs: get('health_check.interval'),
      timeoutMs: get('health_check.timeout'),
      retries: get('health_check.retries'),
    },
    eventCollection: {
      enabled: get('event_collection.enabled'),
      bufferSize: get('event_collection.buffer_size'),
      flushIntervalMs: get('event_collection.flush_interval'),
    },
    configuration: {
      autoReload: get('configuration.auto_reload'),
      validation: get('configuration.validation'),
      backupEnabled: get('configuration.backup_enabled'),
      backupRetentionMs: get('configuration.backup_retention'),
    },
    limits: { plugins: get('limits.plugins'), labels: get('limits.labels') },
    units: {},
  };
}

function sboxmgrOf(entries: Entries): SboxmgrSettings {
  const get = <T>(path: string): T => entries.get(`sboxmgr.${path}`)?.value as T;
  return {
    socket: { enabled: get('socket.enabled'), path: get('socket.path'), mode: get('socket.mode'), group: get('socket.group') },
    schedule: {
      enabled: get('schedule.enabled'),
      command: get('schedule.command'),
      intervalMs: get('schedule.interval'),
      cron: get('schedule.cron'),
      timeoutMs: get('schedule.timeout'),
      jitterMs: get('schedule.jitter'),
      runAtStart: get('schedule.run_at_start'),
    },
  };
}

/** The effective document in the configuration's own keys and notation, secrets masked. */
export function toDocument(entries: Entries, ids: readonly string[]): Readonly<Record<string, unknown>> {
  const document: Record<string, unknown> = {};
  const add = (row: Key, above: readonly string[]): void => {
    const entry = entries.get([...above, row.path].join('.'));
    if (entry !== undefined) place(document, [...above, ...row.path.split('.')], notation(row.type, entry.value));
  };
  for (const row of keyTable) {
    if (row.type.kind === 'units') {
      place(document, row.path.split('.'), {});
      for (const id of ids) for (const unitRow of unitKeyTable) add(unitRow, [...row.path.split('.'), id]);
    } else if (!masksFile(entries, row.path)) add(row, []);
  }
  return document;
}

/** The token that a file holds is told by the file's name alone. */
function masksFile(entries: Entries, path: string): boolean {
  return path === 'api.security.auth_token' && entries.has('api.security.auth_token_file');
}

function place(document: Record<string, unknown>, parts: readonly string[], value: unknown): void {
  let at = document;
  for (const part of parts.slice(0, -1)) {
    at[part] ??= {};
    at = at[part] as Record<string, unknown>;
  }
  at[parts.at(-1) ?? ''] = value;
}
