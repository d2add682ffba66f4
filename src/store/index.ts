/**
 * The agent's database: SQLite behind two worker threads, one that writes and, while somebody reads, one that can only read.
 *
 * Invariants: a write resolves after its group is committed, and with durability `full` synced; a call that fails leaves
 * nothing behind; an error of the disk rejects its whole group, and nothing is tried again on the connection that had it;
 * what a damaged file held is moved aside, never overwritten, and its numbers are never given out again. Queues are bounded.
 *
 * May be imported by events, logs, config, alerts, audit, processes, plugins and app. It imports kernel and types of telemetry.
 * Rooms bring their SQL (`ProcedureModule`) in one module, which the threads load by its URL.
 */
export type { Ageing, Boot } from './ageing.ts';
export { type EarlyWriter, startWriterEarly } from './early-writer.ts';
export { metricHistoryStore } from './metric-history.ts';
export { type OpenStore, openStore, type StoreOptions } from './open.ts';
export { prepared } from './prepared.ts';
export { type RequestMemory, requestMemory } from './requests.ts';
export { type TotalsStore, totalsStore } from './totals.ts';
export type { ProcedureModule, Procedures, Store, StoreHealth } from './types.ts';
