import { constants } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock } from '../../kernel/clock.ts';
import type { AgentError } from '../../kernel/errors.ts';
import { isGone, streamOf, whenClosed } from '../exchange.ts';
import type { Call, HttpRequest, HttpResponse } from '../seam.ts';

/** How long a call that is cut has to end by itself. */
const cutGraceMs = 500;

/** A call with what only the transport may do to it. */
export interface OpenCall extends Call {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly startMs: number;
  /** How it ended so far. */
  ended(): { readonly code: string; readonly error: unknown } | undefined;
  /** Aborts the signal and leaves the rest to the implementation: it may still say a last word. */
  interrupt(error: AgentError): void;
}

export interface OpenCallOptions extends Pick<Call, 'protocol' | 'method' | 'principal' | 'span' | 'local'> {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly clock: Clock;
}

export function openCall(options: OpenCallOptions): OpenCall {
  const { clock, res } = options;
  const controller = new AbortController();
  let end: { code: string; error: unknown } | undefined;
  const outcome = (code: string, error?: unknown): void => {
    end ??= { code, error };
  };
  whenClosed(options.req, res, () => {
    if (!res.writableFinished) controller.abort(new ConnectError('the client left', Code.Canceled));
  });
  const { protocol, method, principal, span, local, req } = options;
  return {
    ...{ protocol, method, principal, span, local, req, res, rest: {}, outcome },
    startMs: clock.monotonicMs(),
    signal: controller.signal,
    ended: () => end,
    interrupt: (error) => controller.abort(error),
    cut(error) {
      outcome(error.code, error);
      controller.abort(error);
      clock.after(cutGraceMs, () => reset(res, error));
    },
  };
}

/** Ends a response that did not end by itself, in the way that its client understands best. */
export function reset(res: HttpResponse, error: AgentError): void {
  if (res.writableFinished || isGone(res)) return;
  const stream = streamOf(res);
  if (stream === undefined) res.destroy();
  else stream.close(error.code === 'resource_exhausted' ? constants.NGHTTP2_ENHANCE_YOUR_CALM : constants.NGHTTP2_CANCEL);
}
