import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { CallSpan } from '../../telemetry/types.ts';
import { viaOf } from '../audit-entry.ts';
import { fromUnknown } from '../errors/known.ts';
import type { Call, ProtocolName, ServedMethod, ServingProtocol } from '../seam.ts';
import type { Exchange } from '../transports/exchange.ts';

/** How long a call that is cut has to end by itself. */
const cutGraceMs = 500;

/** Who is at the other end, for people: without the port, which is another each time. */
export function peerOf({ remoteAddress }: Exchange, local: boolean): string {
  return local ? 'unix' : remoteAddress;
}

export interface OpenCallOptions {
  readonly exchange: Exchange;
  readonly protocol: ServingProtocol;
  readonly method: ServedMethod;
  readonly principal: Principal;
  readonly span: CallSpan;
  readonly local: boolean;
  /** Gives the call's place in the capacity back. */
  readonly release: () => void;
}

export interface OpenCallHooks {
  readonly clock: Clock;
  /** The answer is said to its end, or its client is gone. */
  readonly answered: (call: OpenCall) => void;
  /** The handler, and whatever it left behind, has ended too. */
  readonly over: (call: OpenCall) => void;
}

/** A call with what only the gate may do to it. Its signal is made when somebody asks for it: most calls end before anybody does. */
export class OpenCall implements Call {
  readonly exchange: Exchange;
  readonly protocol: ProtocolName;
  readonly method: ServedMethod;
  readonly principal: Principal;
  readonly span: CallSpan;
  readonly local: boolean;
  readonly startMs: number;
  /** Whether the audit has an entry of it. */
  hasEntry = false;
  /** How it ended so far. */
  ended: { readonly code: string; readonly error: unknown } | undefined;
  /** What keeps a silent answer alive. */
  ping: string | undefined;
  /** When the body must have come, on the monotonic clock; 0 for never. */
  bodyDueMs = 0;
  /** What the last look at the answer saw: bytes that the connection took, bytes written, and since when there is no change. */
  takenBytes = 0;
  takenMs: number;
  writtenBytes = 0;
  writtenMs: number;
  readonly #twin: ServingProtocol;
  readonly #hooks: OpenCallHooks;
  readonly #release: () => void;
  #rest: { status?: number; location?: string } | undefined;
  #controller: AbortController | undefined;
  #reason: AgentError | undefined;
  #stop: ((reason: AgentError) => void) | undefined;
  #cancelExpiry: (() => void) | undefined;
  /** The answer, the handler, and what the handler left behind. */
  #pending = 2;

  constructor(options: OpenCallOptions, hooks: OpenCallHooks) {
    const { exchange, protocol, method, principal, span, local, release } = options;
    this.exchange = exchange;
    this.protocol = protocol.name;
    this.method = method;
    this.principal = principal;
    this.span = span;
    this.local = local;
    this.#twin = protocol;
    this.#hooks = hooks;
    this.#release = release;
    this.startMs = hooks.clock.monotonicMs();
    this.takenMs = this.startMs;
    this.writtenMs = this.startMs;
    exchange.onEnd((complete) => this.#answered(complete));
  }

  get rest(): { status?: number; location?: string } {
    this.#rest ??= {};
    return this.#rest;
  }

  get via(): string {
    return viaOf(this.exchange, this.local, this.protocol);
  }

  get peer(): string {
    return peerOf(this.exchange, this.local);
  }

  audited(): void {
    this.hasEntry = true;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get reason(): AgentError | undefined {
    return this.#reason;
  }

  outcome(code: string, error?: unknown): void {
    this.ended ??= { code, error };
  }

  /** Aborts the signal and leaves the rest to the implementation: it may still say a last word. */
  interrupt(error: AgentError): void {
    if (this.#reason !== undefined) return;
    this.#reason = error;
    this.#controller?.abort(error);
    this.#stop?.(error);
  }

  cut(error: AgentError): void {
    this.outcome(error.code, error);
    this.interrupt(error);
    this.#hooks.clock.after(cutGraceMs, () => this.#end(error));
  }

  /** Ends an answer that did not end by itself, in the way that its client understands best. */
  #end(error: AgentError): void {
    const { exchange } = this;
    if (exchange.closed) return;
    if (exchange.responded) exchange.reset(error.code === 'resource_exhausted' ? 'calm' : 'cancel');
    else void this.refuse(error);
  }

  /** Answers with nothing but an error, unless something was answered. */
  async refuse(error: AgentError): Promise<void> {
    if (!this.exchange.responded && !this.exchange.closed) await this.#twin.refuse(this.exchange, error);
  }

  expireIn(ms: number): void {
    const error = new AgentError('DEADLINE_EXCEEDED', 'the operation timed out');
    this.#cancelExpiry = this.#hooks.clock.after(ms, () => this.cut(error));
  }

  heartbeat(bytes: string): void {
    this.ping = bytes;
  }

  onStop(fn: (reason: AgentError) => void): void {
    this.#stop = fn;
    if (this.#reason !== undefined) fn(this.#reason);
  }

  holdUntil(work: Promise<unknown>): void {
    this.#pending += 1;
    const done = (): void => this.#settle();
    work.then(done, done);
  }

  /** The handler threw: answers the error if nothing was answered, else resets. */
  async failed(thrown: unknown): Promise<void> {
    const { exchange } = this;
    // After a cut, or when the client left, whatever the handler stumbled over is no news.
    const error = this.#reason ?? fromUnknown(thrown);
    if (exchange.closed) return;
    this.outcome(error.code, thrown);
    if (exchange.responded) exchange.reset('cancel');
    else await this.refuse(error);
  }

  /** The handler has ended. */
  handled(): void {
    this.#settle();
  }

  #answered(complete: boolean): void {
    this.#cancelExpiry?.();
    if (!complete) {
      this.outcome('canceled');
      this.interrupt(new AgentError('CANCELED', 'the client left'));
    }
    this.#hooks.answered(this);
    this.#settle();
  }

  #settle(): void {
    this.#pending -= 1;
    if (this.#pending > 0) return;
    this.#release();
    this.#hooks.over(this);
  }
}
