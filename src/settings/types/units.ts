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
