import { metricCatalogue } from './catalogue.ts';

/** Prometheus names of those metrics whose OTel name is fixed by a convention. */
export const prometheusNames: ReadonlyMap<string, string> = new Map(
  Object.entries(metricCatalogue).flatMap(([name, entry]) => (entry.otelName ? [[entry.otelName, name]] : [])),
);
