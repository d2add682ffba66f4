import type { Lab } from './lab.ts';
import type { Comparison } from './measure.ts';

/** A bench yields its comparisons one after the other; what it opens for one it closes before the next. */
export type Bench = (lab: Lab) => AsyncIterable<Comparison>;
