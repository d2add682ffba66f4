/** Writes gen/openapi/openapi.json from an image of the protos on its standard input. Run by `npm run generate`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApi } from './openapi/document.ts';

const root = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const { document } = openApi(readFileSync(0), version);
mkdirSync(join(root, 'gen/openapi'), { recursive: true });
writeFileSync(join(root, 'gen/openapi/openapi.json'), `${JSON.stringify(document, null, 2)}\n`);
