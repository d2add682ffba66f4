import type { ParsedLine } from '../../logs/types.ts';
import type { EngineName } from '../../settings/types.ts';
import type { KeyPattern } from './key-pattern.ts';

/** A socket that a configuration makes the engine listen on. */
export interface Listener {
  readonly network: 'tcp' | 'udp';
  /** As written; `::` where the engine listens everywhere. */
  readonly address: string;
  readonly port: number;
  /** Name of the inbound in the config; empty where it has none. */
  readonly tag: string;
  /** `mixed`, `vless`, `api`, …: the engine's own word. */
  readonly kind: string;
  /** How many users its inbound knows; 0 = nobody is asked who he is. */
  readonly users: number;
}

/** The first inbound that speaks HTTP or SOCKS in clear text: the way to look through the engine. */
export interface ProxyInbound {
  readonly scheme: 'http' | 'socks5';
  /** An address that reaches it from this machine. */
  readonly host: string;
  readonly port: number;
  /** Its own first user; undefined where it asks for none. */
  readonly user: { readonly name: string; readonly password: string } | undefined;
}

/** An API of an engine by which it is watched or driven. */
export interface EngineApi {
  readonly kind: 'clash' | 'sing-box' | 'v2ray-stats' | 'xray' | 'expvar' | 'hysteria' | 'ssm' | 'debug';
  /** Path of the key that says where it listens. */
  readonly path: string;
  /** undefined = it cannot be told, which no policy takes for loopback. */
  readonly address: string | undefined;
  readonly port: number;
  readonly tls: boolean;
  /**
   * `required`: whoever reaches it may drive the engine, unless there is a secret. `none`: it knows no secret and is no web API: loopback
   * is enough. `impossible`: it knows no secret and any page can call it.
   */
  readonly guard: 'required' | 'none' | 'impossible';
  readonly secret: { readonly path: string; readonly value: string };
  readonly origins: { readonly path: string; readonly values: readonly string[] };
}

/** How an engine takes up a changed config inside the same process. Only when READY: sing-box dies of a SIGHUP in its first 100 ms. */
export interface Reload {
  readonly signal: NodeJS.Signals;
  /** A line that says that the new config is in effect. */
  readonly done: RegExp;
  /** A line that says why it is not; the old one stays. */
  readonly failed: RegExp;
}

/** What the engine's own check says of a config. */
export interface CheckReading {
  /** Lines of a failed check that say what is wrong; where none matches, all of them count. */
  readonly sentence: RegExp;
  /** Taken out of a sentence, so that its own words remain. */
  readonly prefix: RegExp;
  /** `row 2, column 1`: a match with the groups `line` and `column`. */
  readonly position: RegExp;
}

/** The keys of its config by what their values are. Patterns: see key-pattern.ts. */
export interface ConfigKeys {
  /** Names of files and directories. */
  readonly files: readonly KeyPattern[];
  /** What looks like a path and names no file: the path of a request, the name of a process. */
  readonly notFiles: readonly KeyPattern[];
  /** Programs, arguments of programs, and what opens a shell. */
  readonly programs: readonly KeyPattern[];
  /** Secrets that go by another name than those of kernel/redaction. */
  readonly secrets: readonly KeyPattern[];
  /** Tables whose keys are names that the user gives: two that differ in case alone are two. */
  readonly names: readonly KeyPattern[];
  /** Whether a dot in a name leads into a table, as viper reads it: such a name hides what it means, and is refused. */
  readonly dotsArePaths?: true;
}

/** A config that was read; keys as they were written. */
export type Document = Readonly<Record<string, unknown>>;

/** What there is to know of one kind of proxy program. Every engine is one file of this shape, and nothing else knows an engine by its name. */
export interface Engine {
  /** Name in the configuration. */
  readonly name: EngineName;
  /** Names of the program on PATH; the first found is taken. */
  readonly programs: readonly string[];
  readonly versionArguments: readonly string[];
  /** Its version in what it says of it, group 1. No match is no fault: a build may not know its own. */
  readonly version: RegExp;
  /** With the unit's own arguments. It runs in its working directory, from which relative paths of its config start. */
  runArguments(configPath: string | undefined, args?: readonly string[]): readonly string[];
  /** Its own check of a config; undefined where it has none. `home`: the directory that relative paths start from. */
  readonly checkArguments: ((configPath: string, home?: string) => readonly string[]) | undefined;
  readonly check: CheckReading;
  /** What it is given besides the unit's environment; the unit's own values win. */
  readonly environment: Readonly<Record<string, string>>;
  /** undefined where a signal would end it: it is restarted instead. */
  readonly reload: Reload | undefined;
  /** A line of its log that proves that it has started (not printed at every log level). */
  readonly startupMark: RegExp;
  /** Exit codes that mean that the config is bad: another start would end the same. */
  readonly terminalExitCodes: readonly number[];
  /** It needs so long to end by itself at most: a shorter grace cuts it off. */
  readonly graceMs: number;
  /** What a line of its log says. */
  parse(line: string): ParsedLine;
  /** Form of its config where the file's name does not say. */
  readonly format: 'json' | 'yaml';
  readonly keys: ConfigKeys;
  listeners(config: Document): readonly Listener[];
  proxyInbound(config: Document): ProxyInbound | undefined;
  /** Every API that the config opens, the first that has figures first. */
  apis(config: Document): readonly EngineApi[];
}
