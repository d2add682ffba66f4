import type { Audit } from '../../audit/types.ts';
import type { ErrorReason } from '../../kernel/catalogue.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError, statusName } from '../../kernel/errors.ts';
import type { Settings } from '../../settings/types.ts';
import type { Counter, Telemetry } from '../../telemetry/types.ts';
import { auditCall, failure } from '../audit-entry.ts';
import { fromUnknown } from '../errors/known.ts';
import { OpenCall, type OpenCallHooks, type OpenCallOptions } from './open-call.ts';

/** All calls between their first header and the end of their handler. */
export interface OpenCalls {
  open(options: OpenCallOptions): OpenCall;
  /** Cuts all calls of a token. */
  revoke(principalId: string, reason: ErrorReason): void;
  /** Tells all streams that the agent stops; they end by themselves. */
  interruptStreams(): void;
  /** Resolves when no call is open. */
  drained(): Promise<void>;
  /** Looks at every call: readers that stand still, bodies that do not come, answers that were silent for too long. */
  inspect(nowMs: number): void;
}

interface OpenCallsOptions {
  readonly api: () => Settings['api'];
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly limitRefused: Counter;
  readonly audit: Pick<Audit, 'refused'> | undefined;
}

export function createOpenCalls(options: OpenCallsOptions): OpenCalls {
  const open = new Set<OpenCall>();
  const waiting = new Set<() => void>();
  const hooks: OpenCallHooks = {
    clock: options.clock,
    answered: (call) => record(options, call),
    over(call) {
      open.delete(call);
      if (open.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
  };
  return {
    open(callOptions) {
      const call = new OpenCall(callOptions, hooks);
      open.add(call);
      const { methodKind } = call.method.desc;
      // Streams of messages take as long as they like.
      const whole = methodKind === 'unary' || methodKind === 'server_streaming';
      if (whole && !call.exchange.arrived()) call.bodyDueMs = call.startMs + options.api().limits.bodyTimeoutMs;
      return call;
    },
    revoke(principalId, reason) {
      const error = new AgentError(reason, `the token ${principalId} is no longer valid`);
      for (const call of open) if (call.principal.id === principalId) call.cut(error);
    },
    interruptStreams() {
      const error = new AgentError('SHUTTING_DOWN', 'the agent is stopping');
      for (const call of open) if (call.method.stream) call.interrupt(error);
    },
    drained: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.add(resolve))),
    inspect(nowMs) {
      for (const call of open) {
        if (call.exchange.closed) continue;
        watchReader(options, call, nowMs);
        watchBody(options, call, nowMs);
        watchSilence(options, call, nowMs);
      }
    },
  };
}

function stallLimitMs(api: Settings['api'], call: OpenCall): number {
  return call.method.stream ? api.streams.pongTimeoutMs : api.limits.idleTimeoutMs;
}

/** A reader that takes nothing at all for its time is cut; one that is slow is not. */
function watchReader(options: OpenCallsOptions, call: OpenCall, nowMs: number): void {
  const { exchange } = call;
  const pending = exchange.pendingBytes;
  const taken = exchange.written - pending;
  if (pending === 0 || taken > call.takenBytes) {
    call.takenMs = nowMs;
    call.takenBytes = taken;
    return;
  }
  const limitMs = stallLimitMs(options.api(), call);
  if (nowMs - call.takenMs < limitMs) return;
  call.takenMs = nowMs;
  options.limitRefused.add(1, { limit: 'pong_timeout' });
  call.cut(new AgentError('WATCHER_TOO_SLOW', `nothing was read for ${limitMs / 1000} s`));
}

function watchBody(options: OpenCallsOptions, call: OpenCall, nowMs: number): void {
  if (call.bodyDueMs === 0) return;
  if (call.exchange.arrived()) call.bodyDueMs = 0;
  if (call.bodyDueMs === 0 || nowMs < call.bodyDueMs) return;
  call.bodyDueMs = 0;
  options.limitRefused.add(1, { limit: 'body_timeout' });
  const error = new AgentError('BODY_TIMEOUT', 'the body did not arrive within api.limits.body_timeout');
  call.cut(error);
  void call.refuse(error);
}

function watchSilence(options: OpenCallsOptions, call: OpenCall, nowMs: number): void {
  const { exchange, ping } = call;
  if (ping === undefined) return;
  if (exchange.written !== call.writtenBytes) {
    call.writtenBytes = exchange.written;
    call.writtenMs = nowMs;
    return;
  }
  // Bytes still wait for a reader that is slow: a ping would only add to them.
  if (exchange.pendingBytes > 0 || nowMs - call.writtenMs < options.api().streams.pingIntervalMs - inspectEveryMs) return;
  exchange.write(ping);
}

/** How often `inspect` is to be called. */
export const inspectEveryMs = 250;

/** How a call ended, for span, metric and log. */
function record(options: OpenCallsOptions, call: OpenCall): void {
  const { code, error } = call.ended ?? { code: 'unknown', error: undefined };
  call.span.end(code, error);
  if (code !== 'ok' && !call.hasEntry) recordRefused(options, call, { code, error });
  const { logger } = options.telemetry;
  const fields = (): object => ({
    method: call.method.path,
    protocol: call.protocol,
    code,
    duration_ms: Math.round((options.clock.monotonicMs() - call.startMs) * 10) / 10,
    principal: call.principal.id,
  });
  if (code === 'internal' && fromUnknown(error).reason === 'INTERNAL') {
    options.telemetry.run(call.span, () => logger.error({ ...fields(), err: causeOf(error) }, 'call failed by a fault of the agent'));
  } else if (options.telemetry.logs('debug')) {
    options.telemetry.run(call.span, () => logger.debug(fields(), 'call'));
  }
}

/** What failed before its work began, or is refused for want of a right: a body that cannot be read, a field that breaks a rule. */
function recordRefused({ audit, clock }: OpenCallsOptions, call: OpenCall, { code, error }: { code: string; error: unknown }): void {
  if (call.method.audit.kind !== 'changes' && code !== 'permission_denied') return;
  const result = error === undefined ? { code: statusName(code), reason: '' } : failure(fromUnknown(error));
  audit?.refused(auditCall(call, clock.wallMs()), result);
}

/** INTERNAL goes out with a neutral message; the log has what is behind it. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
