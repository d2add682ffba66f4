import type { Settings } from '../settings/types.ts';
import type { Metrics } from '../telemetry/types.ts';
import type { PlainRoute } from './seam.ts';
import { preferences } from './transports/weights.ts';

const contentTypes = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;

/** Whether OpenMetrics 1.0.0 is asked for by name, and not less than the older text. */
export function wantsOpenMetrics(accept = ''): boolean {
  const ranges = preferences(accept);
  const quality = (type: string, version: string): number => {
    const fits = (one: string): boolean => !one.startsWith('version=') || one === `version=${version}`;
    const fitting = ranges.filter(({ name, parameters }) => name === type && parameters.every(fits));
    return Math.max(0, ...fitting.map(({ weight }) => weight));
  };
  const openmetrics = quality('application/openmetrics-text', '1.0.0');
  return openmetrics > 0 && openmetrics >= quality('text/plain', '0.0.4');
}

/** The Prometheus text under its two paths. Scraping does not count against the rate limit. */
export function metricsRoutes(metrics: Metrics, settings: Settings['api']['metrics']): readonly PlainRoute[] {
  if (!settings.enabled) return [];
  const paths = new Set(['/api/v1/metrics/prometheus', settings.prometheusEndpoint]);
  return [...paths].map((path) => ({
    path,
    scope: settings.public ? undefined : 'read',
    rateLimited: false,
    async serve(exchange) {
      const format = wantsOpenMetrics(exchange.headers.accept) ? 'openmetrics' : 'text';
      const headers = { 'content-type': contentTypes[format], 'cache-control': 'no-store', vary: 'accept' };
      exchange.answer(200, headers, await metrics.prometheus(format));
    },
  }));
}
