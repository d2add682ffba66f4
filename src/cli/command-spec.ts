import type { Context } from './context.ts';

/** What commander found: `--some-flag` under `someFlag`. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Answers the exit code. */
export type Handler = (context: Context, args: readonly string[], flags: Flags) => Promise<number>;

export interface FlagSpec {
  /** As commander writes it: `-n, --lines <count>`. */
  readonly flags: string;
  readonly summary: string;
  /** The only values it takes: checked and completed. */
  readonly values?: readonly string[];
  /** What else completes it. */
  readonly completes?: 'file' | 'directory';
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** As commander writes them: `<id>`, `[id]`. */
  readonly args?: string;
  /** What completes the first argument: ids of processes, or these words. */
  readonly completes?: 'process' | readonly string[];
  readonly flags?: readonly FlagSpec[];
  readonly subcommands?: readonly CommandSpec[];
  /** Loads the command's own file; absent for those of the daemon. */
  readonly load?: () => Promise<Handler>;
}

export const outputs = ['table', 'wide', 'json', 'yaml'] as const;
/** What `top` can sort by. */
export const topOrders = ['cpu', 'memory', 'up', 'down', 'restarts', 'id'] as const;
export const shells = ['bash', 'zsh', 'fish'] as const;

/** Stand before or after the command. */
export const commonFlags: readonly FlagSpec[] = [
  { flags: '-o, --output <format>', summary: 'table, wide (a table that no terminal cuts), json or yaml', values: outputs },
  { flags: '--timeout <duration>', summary: 'how long to wait for an answer, e.g. 5s ($SBOXAGENT_TIMEOUT)' },
  { flags: '--target <address>', summary: 'host:port, unix:PATH or https://host:port instead of the local socket ($SBOXAGENT_TARGET)' },
  { flags: '--token <token>', summary: 'token for --target; other users see the command line, so prefer --token-file ($SBOXAGENT_TOKEN)' },
  { flags: '--token-file <path>', summary: 'file that holds the token', completes: 'file' },
  { flags: '--tls', summary: 'use TLS with a --target of host:port' },
  { flags: '--ca-file <path>', summary: "certificates to trust instead of the system's; implies --tls", completes: 'file' },
  { flags: '--cert-file <path>', summary: 'certificate to show to an agent that asks for one; implies --tls', completes: 'file' },
  { flags: '--key-file <path>', summary: 'its private key', completes: 'file' },
  { flags: '--config <path>', summary: "the daemon's configuration, to find its socket ($SBOXAGENT_CONFIG)", completes: 'file' },
  { flags: '--state-dir <path>', summary: "the daemon's state directory, to find its socket and tokens", completes: 'directory' },
];
