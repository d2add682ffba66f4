import type { ParsedLine } from '../../logs/types.ts';

/** A socket that a configuration makes the engine listen on. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** What there is to know of one kind of proxy program. Every engine is one file of this shape. */
export interface Engine {
  /** Name in the configuration, and of the program on PATH. */
  readonly name: string;
  runArguments(configPath: string | undefined): readonly string[];
  checkArguments(configPath: string): readonly string[];
  readonly versionArguments: readonly string[];
  /** Makes it read its config again inside the same process; undefined where that would end it. Only when READY. */
  readonly reloadSignal: NodeJS.Signals | undefined;
  /** A line of its log that proves that it has started (not printed at every log level). */
  readonly startupMark: RegExp;
  /** What a line of its log says. */
  parse(line: string): ParsedLine;
  /** What the config makes it listen on; throws when the config cannot be read. */
  listeners(config: string): readonly Listener[];
}
