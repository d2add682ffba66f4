/**
 * Traces: finished spans kept in the store, and shown as one story with the events and lines of the same trace.
 *
 * Invariants: a span costs its call a look and a push, never a wait; what is kept is judged when a call has ended, failed and slow ones have a
 * share of their own; everything is bounded in number, bytes and age; a disk that refuses costs spans, counted, and nothing else.
 *
 * May be imported by api (types) and app. It imports kernel, telemetry, store, events and types of settings; lines of logs are handed in.
 */
export { type OpenTraces, openTraces, type TracesOptions } from './open.ts';
export type { FindLines } from './story.ts';
export type { TraceEntry, TraceFilter, TraceLine, TracePage, TraceStory, TraceSummary, Traces } from './types.ts';
