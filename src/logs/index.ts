/**
 * What processes and the agent itself wrote: collected from spool files, stored with rotation, listed and followed.
 *
 * Invariants: a line of a spool is stored once, in order, over restarts of the agent; what is lost is counted by source (kept + dropped = written).
 * `seq` rises strictly over all sources and restarts, and a reader that has seen a seq has been given every lower one that it asked for. What is stored is
 * masked. A disk that refuses costs lines, never the agent. Nothing here is held without a bound.
 *
 * May be imported by processes, sboxmgr, api (types and errors) and app. It imports kernel, telemetry and the JSON types of events.
 */
export { cleanText } from './clean.ts';
export { createLineSplitter, type LineSplitter } from './lines.ts';
export { type LogsOptions, type OpenLogs, openLogs } from './open.ts';
export type { Keep } from './source-files.ts';
export {
  type Collection,
  type Level,
  type LogEntry,
  type LogFilter,
  type LogStream,
  type Logs,
  levels,
  type ParsedLine,
  type PunchHole,
  type TailItem,
} from './types.ts';
