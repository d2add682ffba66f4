import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { GetMetricsRequestSchema } from '../../../../gen/es/sboxagent/v1/metrics_service_pb.js';
import { metricsService } from '../../../../src/api/services/metrics-service.ts';
import { AgentError } from '../../../../src/kernel/errors.ts';
import type { MetricFamily } from '../../../../src/telemetry/index.ts';

test('what no message may carry is refused with what to do, and less of it is answered', async () => {
  const labels = (n: number) => Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`label_${i}`, `${n} ${'v'.repeat(250)}`]));
  const family = (name: string): MetricFamily => ({
    ...{ name, help: '', kind: 'GAUGE', unit: '' },
    series: Array.from({ length: 500 }, (_, n) => ({ labels: labels(n), value: n, count: 0, sum: 0 })),
  });
  const families = ['one', 'two'].map(family);
  const metrics = { snapshot: () => Promise.resolve(families), rollups: () => [], points: () => [], wallMs: () => 1 };
  const service = metricsService({ metrics });
  const ask = (names: string[]) => service.getMetrics(create(GetMetricsRequestSchema, { names }), undefined as never);
  await assert.rejects(ask([]) as Promise<unknown>, (error) => {
    assert.ok(error instanceof AgentError);
    assert.deepEqual([error.reason, error.violations[0]?.field], ['INVALID_REQUEST', 'names']);
    assert.match(error.message, /by names, labels or fewer windows/);
    return true;
  });
  assert.equal((await ask(['two'])).metrics?.length, 1);
});
