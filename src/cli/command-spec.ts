import type { Context } from './context.ts';

/** What commander found: `--some-flag` under `someFlag`. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Answers the exit code. */
export type Handler = (context: Context, args: readonly string[], flags: Flags) => Promise<number>;

/** What completes a word: one of these words, files of the machine, or what the agent knows by a name. */
export type Completion =
  | readonly string[]
  | 'file'
  | 'directory'
  | 'agent'
  | 'alert'
  | 'backup'
  | 'config-key'
  | 'config-revision'
  | 'event-type'
  | 'log-source'
  | 'method'
  | 'plugin'
  | 'plugin-key'
  | 'process'
  | 'process-revision'
  | 'rollout'
  | 'token'
  | 'trace';

export interface FlagSpec {
  /** As commander writes it: `-n, --lines <count>`. */
  readonly flags: string;
  readonly summary: string;
  /** The only values it takes: checked and completed. */
  readonly values?: readonly string[];
  /** What else completes it. */
  readonly completes?: Completion;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** As commander writes them: `<id>`, `[id]`. */
  readonly args?: string;
  /** What completes each argument; the last one also those that follow. */
  readonly completes?: readonly Completion[];
  readonly flags?: readonly FlagSpec[];
  readonly subcommands?: readonly CommandSpec[];
  /** Loads the command's own file; absent for those of the daemon. */
  readonly load?: () => Promise<Handler>;
}

export const outputs = ['table', 'wide', 'json', 'yaml'] as const;
/** What `top` can sort by. */
export const topOrders = ['cpu', 'memory', 'up', 'down', 'restarts', 'id'] as const;
export const shells = ['bash', 'zsh', 'fish'] as const;

export const reason: FlagSpec = { flags: '--reason <text>', summary: 'why, for the list of revisions' };
export const follow: FlagSpec = { flags: '-f, --follow', summary: 'stay and show what comes, also over a restart of the daemon' };

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
  { flags: '--agent <name>', summary: 'the agent of the fleet to ask, over NATS, instead of the local one', completes: 'agent' },
  {
    flags: '--signing-key <path>',
    summary: 'the private key that signs what --agent asks ($SBOXAGENT_SIGNING_KEY_FILE)',
    completes: 'file',
  },
  { flags: '--config <path>', summary: "the daemon's configuration, to find its socket ($SBOXAGENT_CONFIG)", completes: 'file' },
  { flags: '--state-dir <path>', summary: "the daemon's state directory, to find its socket and tokens", completes: 'directory' },
];
