/** Writes docs/configuration.md from the tables of keys. Run by `npm run generate:docs`. */
import { writeFileSync } from 'node:fs';
import { configurationPage } from '../src/settings/docs.ts';

writeFileSync(new URL('configuration.md', import.meta.url), configurationPage());
