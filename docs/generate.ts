/** Writes docs/configuration.md from the tables of keys, the table of docs/metrics.md from the registry, and the man pages. Run by `npm run generate:docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationPage } from '../src/settings/docs.ts';
import { commandManPage, configurationManPage } from './man-pages.ts';
import { withMetricsTable } from './metrics-table.ts';

const metrics = new URL('metrics.md', import.meta.url);
writeFileSync(new URL('configuration.md', import.meta.url), configurationPage());
writeFileSync(metrics, withMetricsTable(readFileSync(metrics, 'utf8')));
writeFileSync(new URL('man/sboxagent.1', import.meta.url), commandManPage());
writeFileSync(new URL('man/sboxagent.yaml.5', import.meta.url), configurationManPage());
