import type { outputs } from './command-spec.ts';
import type { Io } from './io.ts';

export type OutputFormat = (typeof outputs)[number];

export interface CommonOptions {
  readonly output: OutputFormat;
  /** As given; undefined where it was not. */
  readonly timeout: string | undefined;
  readonly target: string | undefined;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly tls: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Name in the fleet. */
  readonly agent: string | undefined;
  readonly signingKey: string | undefined;
  readonly config: string | undefined;
  readonly stateDir: string | undefined;
}

/** What a command is given. */
export interface Context {
  readonly io: Io;
  readonly options: CommonOptions;
}
