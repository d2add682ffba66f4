/**
 * Judges every request before a byte of its body is read. Invariants: the order of the checks is the one of `checks.ts`;
 * nothing is served that did not pass it; every answer carries x-trace-id. May be imported by the front door only.
 */
export { createCapacity } from './capacity.ts';
export { createGate } from './gate.ts';
export { createOpenCalls, inspectEveryMs } from './open-calls.ts';
export { createRateLimiter, type RateLimiter } from './rate-limit.ts';
export { rememberValid } from './token.ts';
