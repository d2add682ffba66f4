import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Clock } from '../kernel/clock.ts';
import { statusName } from '../kernel/errors.ts';
import { newSpanId, newTrace } from '../kernel/ids.ts';
import { late } from '../kernel/late.ts';
import { CallContext } from './call-context.ts';
import type { SpanExport } from './sent-span.ts';
import type { CallSpan, EndedCall, FinishedSpan, Histogram, Labels, SpanSink, Telemetry } from './types.ts';

const core = late<typeof import('@opentelemetry/core')>(import.meta, '@opentelemetry/core');

type Headers = Parameters<Telemetry['startCall']>[0]['headers'];

/** Values of `rpc.system.name`: well-known ones where the conventions have them. */
const systems: Readonly<Record<string, string>> = { connect_rpc: 'connectrpc', connect: 'connectrpc' };

/** Codes by which a server is at fault (RPC conventions); the others are the caller's. */
const faults = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);

const getter: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  // Only the names that the propagator asks for: pseudo-headers of HTTP/2 never matter.
  get: (headers, key) => headers[key],
};

/** What all calls of a method over one protocol have in common, made once. */
interface Kind {
  readonly name: string;
  readonly attributes: Labels;
  /** How a call ended -> the attributes of that, and the labels of its duration. */
  readonly endings: Map<string, { readonly status: Labels; readonly labels: Labels }>;
}

export interface CallsOptions {
  /** Absent where no collector takes the spans. */
  readonly exporter: SpanExport | undefined;
  /** Who keeps spans. */
  readonly sink: () => SpanSink | undefined;
  readonly duration: Histogram;
  readonly clock: Clock;
}

/** Starts server spans by the RPC conventions and records their duration. */
export function createCalls(options: CallsOptions): Telemetry['startCall'] {
  let propagator: TextMapPropagator | undefined;
  const callerOf = (headers: Headers): Context => {
    propagator ??= new (core().W3CTraceContextPropagator)();
    return propagator.extract(ROOT_CONTEXT, headers, getter);
  };
  /** By system, service and method: a key joined of them would be made for each call. */
  const kinds = new Map<string, Map<string, Map<string, Kind>>>();
  const kindOf = (service: string, method: string, system: string): Kind => {
    const known = kinds.get(system)?.get(service)?.get(method);
    if (known !== undefined) return known;
    const name = service === '' ? method : `${service}/${method}`;
    const kind: Kind = { name, attributes: { 'rpc.system.name': systems[system] ?? system, 'rpc.method': name }, endings: new Map() };
    const ofSystem = kinds.get(system) ?? new Map<string, Map<string, Kind>>();
    kinds.set(system, ofSystem);
    ofSystem.set(service, (ofSystem.get(service) ?? new Map<string, Kind>()).set(method, kind));
    return kind;
  };
  return ({ service, method, system, headers, background = false, reads = false, stream = false }) => {
    const kind = kindOf(service, method, system);
    const parent = headers['traceparent'] === undefined ? ROOT_CONTEXT : callerOf(headers);
    const call = new RunningCall(options, kind, parent);
    call.background = background;
    call.reads = reads;
    call.stream = stream;
    return call;
  };
}

class RunningCall implements CallSpan, EndedCall {
  readonly traceId: string;
  readonly spanId: string;
  readonly span: Span;
  readonly context: Context;
  readonly #options: CallsOptions;
  readonly #kind: Kind;
  readonly #parent: Context;
  readonly #sent: boolean;
  background = false;
  reads = false;
  stream = false;
  readonly #startMs: number;
  code = '';
  durationMs = 0;
  #message = '';

  constructor(options: CallsOptions, kind: Kind, parent: Context) {
    this.#options = options;
    this.#kind = kind;
    this.#parent = parent;
    this.#startMs = options.clock.monotonicMs();
    const caller = trace.getSpanContext(parent);
    const { traceId, spanId } = caller === undefined ? newTrace() : { traceId: caller.traceId, spanId: newSpanId() };
    this.traceId = traceId;
    this.spanId = spanId;
    this.#sent = isSent(options.exporter, traceId, caller);
    this.span = trace.wrapSpanContext({ traceId, spanId, traceFlags: this.#sent ? TraceFlags.SAMPLED : TraceFlags.NONE });
    this.context = new CallContext(parent, this.span);
  }

  end(code: string, error?: unknown): void {
    if (this.code !== '') return;
    this.code = code;
    const { status, labels } = endingOf(this.#kind, code);
    const { clock, duration, sink, exporter } = this.#options;
    this.durationMs = clock.monotonicMs() - this.#startMs;
    duration.record(this.durationMs / 1000, labels, { traceId: this.traceId, timeMs: clock.wallMs() });
    if (this.#sent) {
      const type = status['error.type'];
      const fault = type !== undefined && error instanceof Error ? error.name : type;
      exporter?.send({ ...this.finished(), attributes: labels, call: true, fault });
    }
    const keeper = sink();
    if (keeper === undefined) return;
    // Ours is to be seen in our log alone.
    if (error instanceof Error && code !== 'internal') this.#message = error.message;
    keeper.called(this);
  }

  get name(): string {
    return this.#kind.name;
  }

  get traced(): boolean {
    return this.#parent !== ROOT_CONTEXT;
  }

  finished(): FinishedSpan {
    const { traceId, spanId, durationMs, code } = this;
    return {
      ...{ traceId, spanId, durationMs, name: this.#kind.name, message: this.#message },
      parentId: trace.getSpanContext(this.#parent)?.spanId ?? '',
      startMs: this.#options.clock.wallMs() - durationMs,
      code: statusName(code),
      attributes: this.#kind.attributes,
    };
  }
}

/** A caller decides for its trace; of the others a share is sent. */
function isSent(exporter: SpanExport | undefined, traceId: string, caller: SpanContext | undefined): boolean {
  if (exporter === undefined) return false;
  return caller === undefined ? exporter.samples(traceId) : (caller.traceFlags & TraceFlags.SAMPLED) !== 0;
}

function endingOf(kind: Kind, code: string): { readonly status: Labels; readonly labels: Labels } {
  let ending = kind.endings.get(code);
  if (ending === undefined) {
    const name = statusName(code);
    const status: Labels = { 'rpc.status_code': name, ...(faults.has(name) ? { 'error.type': name } : {}) };
    ending = { status, labels: Object.freeze({ ...kind.attributes, ...status }) };
    kind.endings.set(code, ending);
  }
  return ending;
}
