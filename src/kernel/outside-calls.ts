import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs `fn` outside of whatever call the caller is in: what serves many must not carry the trace of the one that happened to start it.
 * Taken when the program loads, before there is any call.
 */
export const outsideCalls: <T>(fn: () => T) => T = AsyncLocalStorage.snapshot();
