/** Writes docs/configuration.md from the tables of keys, and the table of docs/metrics.md from the registry. Run by `npm run generate:docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationPage } from '../src/settings/docs.ts';
import { withMetricsTable } from './metrics-table.ts';

const metrics = new URL('metrics.md', import.meta.url);
writeFileSync(new URL('configuration.md', import.meta.url), configurationPage());
writeFileSync(metrics, withMetricsTable(readFileSync(metrics, 'utf8')));
