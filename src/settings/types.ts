import type { Scope } from '../kernel/principal.ts';
import type { AlertRuleSettings, WebhookSettings } from './types/alerts.ts';
import type { PluginSettings } from './types/plugins.ts';
import type { UnitSettings } from './types/units.ts';

export * from './types/alerts.ts';
export * from './types/plugins.ts';
export * from './types/units.ts';

/**
 * What sboxagent obeys: the effective configuration, every key filled in, durations in milliseconds and sizes in bytes.
 * The shape follows the configuration's own keys (contract, section 2) in camelCase.
 */
export interface Settings {
  readonly agent: {
    readonly name: string;
    readonly stateDir: string;
    readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
    readonly autoReload: boolean;
    readonly reloadDelayMs: number;
  };
  readonly api: {
    readonly enabled: boolean;
    readonly host: string;
    readonly port: number;
    readonly unixSocket: { readonly path: string; readonly mode: number; readonly group: string | undefined };
    readonly tls: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string | undefined } | undefined;
    readonly allowedHosts: readonly string[];
    readonly security: {
      readonly authEnabled: boolean;
      /** The static admin token, from the file or the document. */
      readonly authToken: string | undefined;
      readonly authTokenFile: string | undefined;
      readonly rateLimit: { readonly enabled: boolean; readonly requestsPerMinute: number; readonly burst: number };
      readonly cors: { readonly enabled: boolean; readonly allowedOrigins: readonly string[] };
    };
    readonly streams: {
      readonly enabled: boolean;
      readonly pingIntervalMs: number;
      readonly pongTimeoutMs: number;
      readonly maxConnections: number;
    };
    readonly limits: {
      readonly messageBytes: number;
      readonly jsonDepth: number;
      readonly connections: number;
      readonly streamsPerConnection: number;
      readonly concurrentUnary: number;
      readonly headerTimeoutMs: number;
      readonly bodyTimeoutMs: number;
      readonly idleTimeoutMs: number;
    };
    readonly metrics: {
      readonly enabled: boolean;
      readonly prometheusEndpoint: string;
      readonly collectionIntervalMs: number;
      readonly public: boolean;
    };
    readonly console: { readonly enabled: boolean };
  };
  readonly processes: {
    readonly units: Readonly<Record<string, UnitSettings>>;
    /** Whether each unit gets a cgroup of its own, where one can be had. */
    readonly cgroups: boolean;
    readonly inline: { readonly enabled: boolean; readonly allowedBinaries: readonly string[] };
  };
  readonly plugins: PluginSettings;
  readonly alerts: {
    readonly rules: readonly AlertRuleSettings[];
    readonly webhooks: readonly WebhookSettings[];
    /** The address below which the runbooks are. */
    readonly runbooks: string;
  };
  readonly sboxmgr: SboxmgrSettings;
  readonly events: {
    readonly durability: 'full' | 'relaxed';
    readonly retention: { readonly ageMs: number; readonly bytes: number; readonly count: number };
    readonly redact: { readonly enabled: boolean; readonly names: readonly string[] };
  };
  readonly logs: { readonly retentionMs: number; readonly maxBytesPerSource: number; readonly files: number };
  readonly traces: { readonly enabled: boolean; readonly retention: { readonly ageMs: number; readonly bytes: number } };
  readonly audit: { readonly enabled: boolean; readonly retention: { readonly ageMs: number; readonly bytes: number } };
  readonly telemetry: { readonly otlpEndpoint: string | undefined; readonly sampleRatio: number };
  /** undefined: the agent is in no fleet. */
  readonly fleet: FleetSettings | undefined;
}

/** How the agent is reached over NATS. */
export interface FleetSettings {
  readonly servers: readonly string[];
  readonly credentialsFile: string | undefined;
  /** What stands in that file. A secret. */
  readonly credentials: string | undefined;
  readonly tls: { readonly caFile: string | undefined; readonly certFile: string | undefined; readonly keyFile: string | undefined };
  /** One token of a subject. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly prefix: string;
  readonly heartbeatMs: number;
  readonly keys: readonly FleetKey[];
}

/** Whose signature is taken, and for what. */
export interface FleetKey {
  readonly name: string;
  /** Ed25519, 32 bytes in base64url. */
  readonly publicKey: string;
  readonly scopes: readonly Scope[];
}

export interface SboxmgrSettings {
  readonly socket: {
    readonly enabled: boolean;
    readonly path: string;
    readonly mode: number;
    readonly group: string | undefined;
  };
  readonly schedule: {
    readonly enabled: boolean;
    readonly command: readonly string[];
    /** Exactly one of the two where it is enabled. */
    readonly intervalMs: number | undefined;
    readonly cron: string | undefined;
    readonly timeoutMs: number;
    readonly jitterMs: number;
    readonly runAtStart: boolean;
  };
}

/** A configuration as it was found: settings, and where each key came from. */
export interface LoadedSettings {
  readonly settings: Settings;
  /** Files in the order they were read; absolute. */
  readonly paths: readonly string[];
  /** Changes whenever the effective configuration does. */
  readonly etag: string;
  /** The effective document in the configuration's own keys and notation (`--print-config`), secrets masked. */
  readonly document: Readonly<Record<string, unknown>>;
  /** What the start should say once: it is fit all the same. */
  readonly warnings: readonly string[];
  /** Dotted key path -> file, `env SBOXAGENT_…`, or `default`. */
  readonly sources: Readonly<Record<string, string>>;
}
