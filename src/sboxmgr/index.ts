/**
 * sboxmgr as it is, unmodified: its two doors (the child process `sboxagent --json`, framed JSON on a unix socket), the normaliser of its
 * event vocabularies, and its runs by a schedule.
 *
 * Invariants: whatever arrives is answered or the connection is closed, never an exception; one reply a request, in order, nothing
 * unsolicited, and only after what it acknowledges is durable; everything that waits is bounded; the socket of another program is never
 * touched; no two scheduled runs overlap, and nothing of a run outlives its timeout.
 *
 * May be imported by app; the entry of the program loads json-door/main.ts alone, which must start as fast as Node does. It imports kernel, settings
 * (types), telemetry, events, logs and processes.
 */
export { type Bridge, type BridgeOptions, openBridge } from './bridge/bridge.ts';
export type { BridgeStatus } from './bridge/requests.ts';
export { openBusinessMetrics } from './business.ts';
export { type Around, type Normalised, normalise } from './normalise/normalise.ts';
export { createSchedule, type Schedule, type ScheduleOptions } from './schedule/schedule.ts';
