import type { Entries } from './load.ts';
import type { Settings, UnitSettings } from './types.ts';

/** The effective values in the shape that the rooms use. */
export function toSettings(entries: Entries, units: Readonly<Record<string, UnitSettings>>): Settings {
  // The table gave each value its type; this is the one place where the rooms' types are claimed for them.
  const get = <T>(path: string): T => entries.get(path)?.value as T;
  const plugins = [...entries]
    .filter(([path]) => path.startsWith('plugins.'))
    .map(([path, { value }]) => [path.slice('plugins.'.length), value]);
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
    plugins: Object.fromEntries(plugins),
    events: {
      durability: get('events.durability'),
      retention: { ageMs: get('events.retention.age'), bytes: get('events.retention.bytes'), count: get('events.retention.count') },
      redact: { enabled: get('events.redact.enabled'), names: get('events.redact.names') },
    },
    logs: { retentionMs: get('logs.retention'), maxBytesPerSource: get('logs.max_bytes_per_source'), files: get('logs.files') },
    telemetry: { otlpEndpoint: get('telemetry.otlp_endpoint'), sampleRatio: get('telemetry.sample_ratio') },
  };
}
