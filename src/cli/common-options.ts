import { type Flags, outputs } from './command-spec.ts';
import type { CommonOptions, OutputFormat } from './context.ts';

/** The common options as they were given; none of them is judged here. */
export function commonOptions(flags: Flags): CommonOptions {
  const text = (name: string): string | undefined => {
    const value = flags[name];
    return typeof value === 'string' ? value : undefined;
  };
  const output = outputs.find((format) => format === flags['output']);
  return {
    output: output ?? ('table' satisfies OutputFormat),
    timeout: text('timeout'),
    target: text('target'),
    token: text('token'),
    tokenFile: text('tokenFile'),
    tls: flags['tls'] === true,
    caFile: text('caFile'),
    certFile: text('certFile'),
    keyFile: text('keyFile'),
    agent: text('agent'),
    signingKey: text('signingKey'),
    config: text('config'),
    stateDir: text('stateDir'),
  };
}
