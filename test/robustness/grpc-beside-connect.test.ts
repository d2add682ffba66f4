import { test } from 'node:test';
import { compareGenerated, methods } from '../helpers/two-grpcs.ts';

/** Those before are in test/contract. */
const [from, to] = [1000, 10_000];

test(`gRPC of our own beside Connect's: ${methods.length} methods, ${to - from} generated requests more`, () => compareGenerated(from, to));
