import type { Scope } from '../kernel/principal.ts';

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

/** Kinds of proxy engine; what is known of each stands in the processes room. */
export const engineNames = ['sing-box', 'xray', 'mihomo', 'hysteria'] as const;
export type EngineName = (typeof engineNames)[number];

/** A declared unit (units.md), every key filled in. */
export interface UnitSettings {
  readonly id: string;
  /** Exactly one of `engine` and `command` is given. */
  readonly engine: EngineName | undefined;
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
  /** Name or number; undefined = the daemon's own. */
  readonly user: string | undefined;
  /** undefined = the user's own. */
  readonly group: string | undefined;
  readonly noNewPrivs: boolean;
  /** `CAP_NET_ADMIN`, … */
  readonly capabilities: readonly string[];
  readonly umask: number;
  readonly limits: {
    /** prlimit's name -> `soft:hard`. */
    readonly rlimits: Readonly<Record<string, string>>;
    /** Resident memory of the whole group; undefined = no ceiling. */
    readonly memoryBytes: number | undefined;
  };
  /** What is not given is undefined. A plugin's readiness is the check of its health, and is none of these. */
  readonly probes: {
    readonly startup: UnitProbe | undefined;
    readonly readiness: UnitProbe | undefined;
    readonly liveness: UnitProbe | undefined;
  };
  readonly apply: ApplySettings;
}

/** How a new config of an engine proves itself, and what it may choose. */
export interface ApplySettings {
  readonly readyWithinMs: number;
  /** undefined = readiness, where that is a proxy probe. */
  readonly probe: UnitProbe | undefined;
  readonly soakMs: number;
  /** Absolute. */
  readonly allowedDirs: readonly string[];
  readonly policy: 'enforce' | 'warn';
  readonly onFileChange: 'report' | 'apply';
}

/** A probe with the numbers of Kubernetes. */
export interface UnitProbe {
  readonly action: UnitProbeAction;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

/** How a probe of a unit looks; exactly one kind. */
export type UnitProbeAction =
  | ProbeAction
  | { readonly kind: 'log'; readonly pattern: string }
  | { readonly kind: 'engine' }
  | {
      readonly kind: 'proxy';
      readonly url: string;
      /** `http://` or `socks5://`; undefined = the config's own first http, mixed or socks inbound. */
      readonly via: string | undefined;
      readonly statuses: readonly { readonly from: number; readonly to: number }[];
    };

export interface PluginSettings {
  readonly enabled: boolean;
  readonly healthCheck: { readonly enabled: boolean; readonly intervalMs: number; readonly timeoutMs: number; readonly retries: number };
  readonly eventCollection: { readonly enabled: boolean; readonly bufferSize: number; readonly flushIntervalMs: number };
  readonly configuration: {
    readonly autoReload: boolean;
    readonly validation: boolean;
    readonly backupEnabled: boolean;
    readonly backupRetentionMs: number;
  };
  readonly limits: { readonly plugins: number; readonly labels: number };
  readonly units: Readonly<Record<string, PluginUnitSettings>>;
}

export const recoverySteps = ['restart', 'rerun', 'push_config', 'rollback_config', 'disable'] as const;
export type RecoveryStep = (typeof recoverySteps)[number];

/** A unit that is a plugin of kind PROCESS. */
export interface PluginUnitSettings extends UnitSettings {
  /** Its health check; undefined = that it is READY. */
  readonly readiness: ProbeSettings | undefined;
  /** undefined = it declares no ladder. */
  readonly recovery:
    | { readonly steps: readonly RecoveryStep[]; readonly budget: number; readonly windowMs: number; readonly backoffMs: number }
    | undefined;
}

/** How a probe looks; exactly one kind. */
export type ProbeAction =
  | { readonly kind: 'exec'; readonly command: readonly string[] }
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, string>>;
      /** Statuses that are a success, ends included. */
      readonly statuses: readonly { readonly from: number; readonly to: number }[];
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'grpc'; readonly host: string; readonly port: number; readonly service: string };

export interface ProbeSettings {
  readonly action: ProbeAction;
  readonly initialDelayMs: number;
  /** undefined = `plugins.health_check.interval`. */
  readonly periodMs: number | undefined;
  /** undefined = `plugins.health_check.timeout`. */
  readonly timeoutMs: number | undefined;
  readonly successThreshold: number;
  /** undefined = `plugins.health_check.retries`. */
  readonly failureThreshold: number | undefined;
}

export type SeverityName = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** A rule of one's own (units.md). */
export type AlertRuleSettings = {
  readonly name: string;
  readonly severity: SeverityName;
  readonly summary: string;
  readonly runbookUrl?: string | undefined;
} & (
  | {
      readonly kind: 'event';
      readonly filter: {
        readonly types?: readonly string[];
        readonly sources?: readonly string[];
        readonly subjects?: readonly string[];
        readonly minSeverity?: SeverityName;
        readonly traceId?: string;
        readonly text?: string;
      };
      readonly count: number;
      readonly windowMs: number;
    }
  | {
      readonly kind: 'metric';
      readonly metric: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly comparison: 'above' | 'below';
      readonly threshold: number;
      readonly forMs: number;
    }
);

export interface WebhookSettings {
  readonly name: string;
  readonly url: string;
  readonly format: 'json' | 'alertmanager';
  /** Key of the signature, read from `secret_file`; undefined = not signed. A secret. */
  readonly secret: string | undefined;
  readonly minSeverity: SeverityName;
  readonly timeoutMs: number;
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
