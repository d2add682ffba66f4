import type { Clock } from '../kernel/clock.ts';
import type { Reply } from './reply.ts';

/** What the calls over the fleet came to, as service discovery shows it. */
export interface CallTally {
  readonly requests: number;
  readonly errors: number;
  /** Of the last that failed; empty: none has. */
  readonly lastError: string;
  readonly totalMs: number;
}

/** Counts calls by their replies. */
export function createCallTally(clock: Clock): { readonly measured: (reply: Reply) => Reply; readonly read: () => CallTally } {
  let tally: CallTally = { requests: 0, errors: 0, lastError: '', totalMs: 0 };
  const count = (startMs: number, error: string): void => {
    const { requests, errors, lastError, totalMs } = tally;
    tally = {
      requests: requests + 1,
      errors: errors + (error === '' ? 0 : 1),
      lastError: error === '' ? lastError : error,
      totalMs: totalMs + clock.monotonicMs() - startMs,
    };
  };
  return {
    read: () => tally,
    measured(reply) {
      const startMs = clock.monotonicMs();
      let status = 200;
      let grpc = 0;
      return {
        ...reply,
        head(code, headers) {
          status = code;
          // An answer that is an error alone has its status there.
          grpc = Number(headers['grpc-status'] ?? 0);
          reply.head(code, headers);
        },
        end(trailers) {
          grpc = Number(trailers['grpc-status'] ?? grpc);
          count(startMs, grpc !== 0 ? `gRPC status ${grpc}` : status >= 400 ? `HTTP status ${status}` : '');
          reply.end(trailers);
        },
        abort() {
          count(startMs, 'ended in the middle');
          reply.abort();
        },
      };
    },
  };
}
