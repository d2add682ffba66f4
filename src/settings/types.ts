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
  };
  readonly processes: {
    readonly units: Readonly<Record<string, UnitSettings>>;
    readonly inline: { readonly enabled: boolean; readonly allowedBinaries: readonly string[] };
  };
  /** Read and validated now; they take effect with the plugins. */
  readonly plugins: Readonly<Record<string, unknown>>;
  readonly events: {
    readonly durability: 'full' | 'relaxed';
    readonly retention: { readonly ageMs: number; readonly bytes: number; readonly count: number };
    readonly redact: { readonly enabled: boolean; readonly names: readonly string[] };
  };
  readonly logs: { readonly retentionMs: number; readonly maxBytesPerSource: number; readonly files: number };
  readonly telemetry: { readonly otlpEndpoint: string | undefined; readonly sampleRatio: number };
}

/** A declared unit (units.md), every key filled in. */
export interface UnitSettings {
  readonly id: string;
  /** Exactly one of `engine` and `command` is given. */
  readonly engine: 'sing-box' | undefined;
  readonly command: readonly string[];
  readonly binary: string | undefined;
  readonly args: readonly string[];
  readonly configPath: string | undefined;
  /** Default: `<state_dir>/units/<id>`. */
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly passEnv: readonly string[];
  readonly autostart: boolean;
  readonly dependsOn: readonly string[];
  readonly onAgentExit: 'keep' | 'stop';
  readonly restart: {
    readonly policy: 'no' | 'on-failure' | 'always';
    readonly baseMs: number;
    readonly factor: number;
    readonly maxMs: number;
    readonly jitter: number;
    readonly burst: number;
    readonly windowMs: number;
    readonly stableAfterMs: number;
  };
  readonly stop: { readonly signal: NodeJS.Signals; readonly graceMs: number };
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
  /** Dotted key path -> file, `env SBOXAGENT_…`, or `default`. */
  readonly sources: Readonly<Record<string, string>>;
}
