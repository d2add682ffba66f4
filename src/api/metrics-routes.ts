import type { Settings } from '../settings/types.ts';
import type { Metrics } from '../telemetry/types.ts';
import type { PlainRoute } from './seam.ts';

/** The Prometheus text under its two paths. Scraping does not count against the rate limit. */
export function metricsRoutes(metrics: Metrics, settings: Settings['api']['metrics']): readonly PlainRoute[] {
  if (!settings.enabled) return [];
  const paths = new Set(['/api/v1/metrics/prometheus', settings.prometheusEndpoint]);
  return [...paths].map((path) => ({
    path,
    scope: settings.public ? undefined : 'read',
    rateLimited: false,
    async serve(exchange) {
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' };
      exchange.answer(200, headers, await metrics.prometheus());
    },
  }));
}
