import { toRule, toWebhook } from './alert-settings.ts';
import type { Entries } from './entries.ts';
import { fleetOf } from './fleet.ts';
import { itemsOf } from './items.ts';
import type { PluginSettings, SboxmgrSettings, Settings } from './types.ts';
import { toPluginUnit, toUnit } from './unit-settings.ts';
import type { Units } from './units.ts';

/** The effective values in the shape that the rooms use. */
export function toSettings(entries: Entries, units: Units): Settings {
  // The table gave each value its type; this is the one place where the rooms' types are claimed for them.
  const get = <T>(path: string): T => entries.get(path)?.value as T;
  return {
    agent: {
      name: get('agent.name'),
      stateDir: get('agent.state_dir'),
      logLevel: get('agent.log_level'),
      autoReload: get('agent.auto_reload'),
      reloadDelayMs: get('agent.reload_delay'),
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
      console: { enabled: get('api.console.enabled') },
    },
    processes: {
      units: unitsBelow('processes.units.', units, (id, base) => toUnit(entries, id, base)),
      cgroups: get('processes.cgroups'),
      inline: { enabled: get('processes.inline.enabled'), allowedBinaries: get('processes.inline.allowed_binaries') },
    },
    plugins: pluginsOf(entries, units),
    alerts: {
      rules: itemsOf(entries, 'alerts.rules').map(toRule),
      webhooks: itemsOf(entries, 'alerts.webhooks').map(toWebhook),
      runbooks: get('alerts.runbooks'),
    },
    sboxmgr: sboxmgrOf(entries),
    events: {
      durability: get('events.durability'),
      retention: { ageMs: get('events.retention.age'), bytes: get('events.retention.bytes'), count: get('events.retention.count') },
      redact: { enabled: get('events.redact.enabled'), names: get('events.redact.names') },
    },
    logs: { retentionMs: get('logs.retention'), maxBytesPerSource: get('logs.max_bytes_per_source'), files: get('logs.files') },
    traces: {
      enabled: get('traces.enabled'),
      retention: { ageMs: get('traces.retention.age'), bytes: get('traces.retention.bytes') },
    },
    audit: {
      enabled: get('audit.enabled'),
      retention: { ageMs: get('audit.retention.age'), bytes: get('audit.retention.bytes') },
    },
    telemetry: { otlpEndpoint: get('telemetry.otlp_endpoint'), sampleRatio: get('telemetry.sample_ratio') },
    fleet: fleetOf(entries),
  };
}

function unitsBelow<T>(group: string, units: Units, to: (id: string, base: string) => T): Readonly<Record<string, T>> {
  const below = [...units].filter(([, { base }]) => base.startsWith(group));
  return Object.fromEntries(below.map(([id, { base }]) => [id, to(id, base)]));
}

function pluginsOf(entries: Entries, units: Units): PluginSettings {
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
    units: unitsBelow('plugins.units.', units, (id, base) => toPluginUnit(entries, id, base)),
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
