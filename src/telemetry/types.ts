import type { Context, Span } from '@opentelemetry/api';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
export type Labels = Readonly<Record<string, string>>;

/** Structured logger: the message is a constant, what varies stands in fields. `trace_id` and `span_id` come by themselves. */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
  child(fields: object): Logger;
}

export interface Counter {
  add(n: number, labels?: Labels): void;
}
export interface Histogram {
  /** `exemplar`: the trace that it was measured in, and when. */
  record(value: number, labels?: Labels, exemplar?: { readonly traceId: string; readonly timeMs: number }): void;
}

/** One sample of an observed metric. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
}

/** A measurement that comes from outside. */
export interface CustomPoint {
  /** `[a-z][a-z0-9_]*`, without the prefix. */
  readonly name: string;
  readonly kind: 'COUNTER' | 'GAUGE' | 'HISTOGRAM';
  readonly value: number;
  readonly labels: Labels;
  /** `seconds`, `bytes`, `ratio` …; empty for none. */
  readonly unit: string;
}

export interface CustomRefusal {
  readonly reason: 'NAME_INVALID' | 'VALUE_INVALID' | 'KIND_CHANGED' | 'LABELS_INVALID' | 'SERIES_LIMIT';
  readonly message: string;
}

/**
 * The metrics of telemetry/catalogue.ts, which has their help, unit and buckets; any other name throws. Asking twice for one name gives
 * the same instrument, and the samples of several `observe` of one name are put together.
 */
export interface Metrics {
  /** `name` as in the contract (section 6), e.g. `sboxagent_events_total`. */
  counter(name: string): Counter;
  histogram(name: string): Histogram;
  /** Observed at each collection; `kind: counter` for figures that only rise. */
  observe(name: string, options: { readonly kind: 'gauge' | 'counter' }, fn: () => readonly Sample[]): void;
  /** The Prometheus text, format 0.0.4, or OpenMetrics 1.0.0 with exemplars. */
  prometheus(format?: 'text' | 'openmetrics'): Promise<string>;
}

/** What metrics show at this moment, for alert rules. */
export interface MetricReader {
  /** Samples of an observed metric or a counter, `sboxagent_custom_*` included; empty for a name that has none. */
  current(name: string): readonly Sample[];
}

/** One metric at one moment, under the names of the Prometheus text. */
export interface MetricFamily {
  readonly name: string;
  readonly kind: 'COUNTER' | 'GAUGE' | 'HISTOGRAM';
  /** `seconds`, `bytes`, `ratio` …; empty where it counts things. */
  readonly unit: string;
  readonly help: string;
  readonly series: readonly MetricSeries[];
}

export interface MetricSeries {
  readonly labels: Labels;
  /** 0 of a histogram. */
  readonly value: number;
  /** Of a histogram: how often it measured, and the sum of that; else 0. */
  readonly count: number;
  readonly sum: number;
}

/** A series over a window that ends now. Of a histogram the values are means of what it measured between two looks. */
export interface Rollup {
  readonly windowMs: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** By how much it rises a second: a counter over its restarts, a gauge from the first to the last look, a histogram in measurements. */
  readonly rate: number;
}

/** One part of a window. */
export interface HistoryPoint {
  /** When it began. */
  readonly timeMs: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly rate: number;
}

/** What metrics showed lately. */
export interface MetricHistory {
  /** The parts of one of the windows in which something was seen, oldest first. */
  points(name: string, labels: Labels, windowMs: number): readonly HistoryPoint[];
  /** Rollups over those of these windows (ms) that there are; none of a series that was not looked at. */
  rollups(name: string, labels: Labels, windows: readonly number[]): readonly Rollup[];
  /** Writes down what was seen last. */
  stop(): Promise<void>;
}

export interface KeptSlot {
  readonly windowMs: number;
  /** Number of the slot since 1970. */
  readonly slot: number;
  readonly data: string;
}

/** Where the history outlives the agent. */
export interface MetricHistoryStore {
  load(): Promise<readonly KeptSlot[]>;
  /** `windows` say what of each is old. */
  save(kept: readonly KeptSlot[], windows: readonly { readonly windowMs: number; readonly slots: number }[]): Promise<void>;
}

/** Metrics `sboxagent_custom_*` of plugins, bounded in series (`sboxagent_limit_refused_total{limit="custom_series"}`). */
export interface CustomMetrics {
  /** `labels` go to every point. Answers what is wrong with each point, undefined where it was taken. */
  record(points: readonly CustomPoint[], labels: Labels): readonly (CustomRefusal | undefined)[];
}

/** The server span of one call. */
export interface CallSpan {
  /** 32 hex digits; the caller's when it sent a valid traceparent. */
  readonly traceId: string;
  readonly spanId: string;
  /** For running code inside the call: its log lines and spans belong to it. */
  readonly context: Context;
  readonly span: Span;
  /** Ends the span and records `rpc.server.call.duration`. `code` is a canonical code (`ok`, `not_found`, …). Idempotent. */
  end(code: string, error?: unknown): void;
}

/** A span as it is kept: what took time, under which trace, and how it ended. */
export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where there is none, or none is known. */
  readonly parentId: string;
  readonly name: string;
  /** Unix time. */
  readonly startMs: number;
  readonly durationMs: number;
  /** Name of gRPC's code. */
  readonly code: string;
  /** What went wrong, for people. */
  readonly message: string;
  readonly attributes: Labels;
}

/** A call that has ended, of which the sink decides whether its span is made. */
export interface EndedCall {
  readonly traceId: string;
  /** Whether its caller sent a traceparent. */
  readonly traced: boolean;
  /** As the span is named: `package.Service/Method`. */
  readonly name: string;
  /** Polls of health and the like, which nobody looks for. */
  readonly background: boolean;
  /** It changes nothing, as what consoles and dashboards ask again and again. */
  readonly reads: boolean;
  /** A stream lasts as long as its client likes. */
  readonly stream: boolean;
  /** A canonical code (`ok`, `not_found`). */
  readonly code: string;
  readonly durationMs: number;
  finished(): FinishedSpan;
}

/** Who keeps spans. Nothing here may throw or wait. */
export interface SpanSink {
  called(call: EndedCall): void;
  /** Work has begun that belongs to this trace: its call is to be kept too. */
  belongs(traceId: string): void;
  keep(span: FinishedSpan): void;
}

/** Work inside the agent that is to be seen in its trace. */
export interface WorkSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Idempotent. `code` OK unless said; `endMs` now. */
  end(how?: {
    readonly code?: string | undefined;
    readonly message?: string | undefined;
    readonly attributes?: Labels;
    readonly endMs?: number | undefined;
  }): void;
}

/** Makes spans of such work. */
export interface Spans {
  /**
   * `traceId`: that of the running call unless said, else a new one. `parentId`: the running call where it is of that trace, else the first
   * work of the trace. `startMs`: now, Unix time.
   */
  start(
    name: string,
    options?: {
      readonly traceId?: string | undefined;
      readonly parentId?: string | undefined;
      readonly startMs?: number;
      readonly attributes?: Labels;
    },
  ): WorkSpan;
}

/** A line of a log as it goes to a collector. */
export interface SentLine {
  readonly timeMs: number;
  readonly level: 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';
  /** `agent`, or who wrote it. */
  readonly source: string;
  readonly message: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null | object>>;
}

export interface Telemetry {
  /** What sends lines to the collector, once it can; undefined where none is to be sent. */
  logSender(): Promise<((line: SentLine) => void) | undefined>;
  readonly spans: Spans;
  /** Everything that ends from now on goes to this sink; there is one. */
  keepSpans(sink: SpanSink): void;
  readonly logger: Logger;
  readonly metrics: Metrics & MetricReader;
  readonly custom: CustomMetrics;
  /** All metrics at this moment: what the Prometheus text shows. */
  snapshot(): Promise<readonly MetricFamily[]>;
  /** Starts the server span of an RPC, continuing the W3C context of the headers. `system`: grpc, grpc_web, connect_rpc, rest. */
  startCall(options: {
    readonly service: string;
    readonly method: string;
    readonly system: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    /** A poll of health or the like. Default: false. */
    readonly background?: boolean;
    /** The method changes nothing. Default: false. */
    readonly reads?: boolean;
    /** Default: false. */
    readonly stream?: boolean;
  }): CallSpan;
  /** Runs `fn` with the call as the active context. */
  run<T>(call: CallSpan, fn: () => T): T;
  /** Ids of the active call; empty strings outside one. */
  active(): { readonly traceId: string; readonly spanId: string };
  setLogLevel(level: LogLevel): void;
  /** Whether lines of this level are written: for fields that cost something to gather. */
  logs(level: LogLevel): boolean;
  /** Calls `fn` for every line of the agent's own log, besides stdout. */
  onLogLine(
    fn: (line: {
      timeMs: number;
      level: LogLevel;
      message: string;
      traceId: string;
      spanId: string;
      fields: Record<string, unknown>;
    }) => void,
  ): void;
  stop(): Promise<void>;
}
