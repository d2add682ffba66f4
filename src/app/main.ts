/**
 * The daemon's composition root: the only room that knows everybody. Nobody imports it but the program's entry, which loads it
 * for `serve` and `doctor` alone.
 */
export { runDoctor } from './doctor.ts';
export { runServe } from './serve.ts';
