import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wantsOpenMetrics } from '../../../src/api/metrics-routes.ts';

test('it is answered where it is asked for by name', () => {
  const table: readonly (readonly [accept: string | undefined, wanted: boolean])[] = [
    [undefined, false],
    ['*/*', false],
    ['text/plain', false],
    ['application/openmetrics-text', true],
    ['application/openmetrics-text; version=1.0.0; charset=utf-8', true],
    ['application/openmetrics-text;version=0.0.1', false],
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      true,
    ],
    ['application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5', false],
    ['application/openmetrics-text;version=1.0.0;q=0', false],
    ['application/openmetrics-text;q=nonsense', false],
  ];
  for (const [accept, wanted] of table) assert.equal(wantsOpenMetrics(accept), wanted, accept);
});
