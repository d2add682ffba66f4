import type { ErrorReason } from '../../kernel/catalogue.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Settings } from '../../settings/types.ts';
import type { Counter, Telemetry } from '../../telemetry/types.ts';
import { arrived, isGone, whenClosed } from '../exchange.ts';
import { refuse, type Shape } from '../refusal.ts';
import { fromUnknown } from '../wire-error.ts';
import { type OpenCall, type OpenCallOptions, openCall, reset } from './open-call.ts';
import { createStallWatch } from './stall-watch.ts';

/** All calls between their first header and their last byte. */
export interface OpenCalls {
  open(options: OpenCallOptions, shape: Shape): OpenCall;
  /** The handler of a call threw: answers INTERNAL if nothing was answered, else resets. */
  failed(call: OpenCall, shape: Shape, error: unknown): Promise<void>;
  /** Cuts all calls of a token. */
  revoke(principalId: string, reason: ErrorReason): void;
  /** Tells all streams that the agent stops; they end by themselves. */
  interruptStreams(): void;
  /** Resolves when no call is open. */
  drained(): Promise<void>;
  count(): number;
  stop(): void;
}

export interface OpenCallsOptions {
  readonly api: () => Settings['api'];
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly limitRefused: Counter;
}

export function createOpenCalls(options: OpenCallsOptions): OpenCalls {
  const open = new Set<OpenCall>();
  const waiting = new Set<() => void>();
  const stalls = createStallWatch(options.clock);
  const forget = (call: OpenCall): void => {
    open.delete(call);
    close(options, call);
    if (open.size > 0) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  return {
    open(callOptions, shape) {
      const call = openCall(callOptions);
      open.add(call);
      const unwatch = stalls.add(
        call.res,
        () => stallLimitMs(options.api(), call),
        () => cutSlow(options, call),
      );
      const cancelBody = timeBody(options, call, shape);
      whenClosed(call.req, call.res, () => {
        unwatch();
        cancelBody();
        forget(call);
      });
      return call;
    },
    failed: (call, shape, error) => fail(call, { shape, error }),
    revoke(principalId, reason) {
      const error = new AgentError(reason, `the token ${principalId} is no longer valid`);
      for (const call of open) if (call.principal.id === principalId) call.cut(error);
    },
    interruptStreams() {
      const error = new AgentError('SHUTTING_DOWN', 'the agent is stopping');
      for (const call of open) if (call.method.stream) call.interrupt(error);
    },
    drained: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
    count: () => open.size,
    stop: stalls.stop,
  };
}

function stallLimitMs(api: Settings['api'], call: OpenCall): number {
  return call.method.stream ? api.streams.pongTimeoutMs : api.limits.idleTimeoutMs;
}

function cutSlow(options: OpenCallsOptions, call: OpenCall): void {
  options.limitRefused.add(1, { limit: 'pong_timeout' });
  const waitedMs = stallLimitMs(options.api(), call);
  call.cut(new AgentError('WATCHER_TOO_SLOW', `nothing was read for ${waitedMs / 1000} s`));
}

/** A request must bring its whole body in time; streams of messages take as long as they like. */
function timeBody(options: OpenCallsOptions, call: OpenCall, shape: Shape): () => void {
  const kind = call.method.desc.methodKind;
  if (kind === 'client_streaming' || kind === 'bidi_streaming' || arrived(call.req)) return () => {};
  return options.clock.after(options.api().limits.bodyTimeoutMs, () => {
    if (arrived(call.req)) return;
    options.limitRefused.add(1, { limit: 'body_timeout' });
    const error = new AgentError('BODY_TIMEOUT', 'the body did not arrive within api.limits.body_timeout');
    call.cut(error);
    refuse(call.req, call.res, { shape, error }).then(
      () => call.req.destroy(),
      () => {},
    );
  });
}

async function fail(call: OpenCall, failure: { shape: Shape; error: unknown }): Promise<void> {
  // After a cut, or when the client left, whatever the handler stumbled over is no news.
  if (call.signal.aborted || isGone(call.res)) {
    if (call.signal.reason instanceof AgentError) await refuse(call.req, call.res, { shape: failure.shape, error: call.signal.reason });
    return;
  }
  const error = fromUnknown(failure.error);
  call.outcome(error.code, failure.error);
  if (call.res.headersSent) reset(call.res, error);
  else await refuse(call.req, call.res, { shape: failure.shape, error });
}

function close(options: OpenCallsOptions, call: OpenCall): void {
  const { code, error } = call.ended() ?? {
    code: call.res.writableFinished ? codeOfStatus(call.res.statusCode) : 'canceled',
    error: undefined,
  };
  call.span.end(code, error);
  const fields = {
    method: call.method.path,
    protocol: call.protocol,
    code,
    duration_ms: Math.round((options.clock.monotonicMs() - call.startMs) * 10) / 10,
    principal: call.principal.id,
  };
  options.telemetry.run(call.span, () => {
    const { logger } = options.telemetry;
    if (code === 'internal') logger.error({ ...fields, err: causeOf(error) }, 'call failed by a fault of the agent');
    else logger.debug(fields, 'call');
  });
}

/** INTERNAL goes out with a neutral message; the log has what is behind it. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function codeOfStatus(status: number): string {
  return status < 400 ? 'ok' : 'unknown';
}
