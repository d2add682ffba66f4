/** The document of the REST API, made anew of the protos as they stand. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpenApi, openApi } from '../../proto/openapi/document.ts';

const root = join(import.meta.dirname, '../..');

/** An image of the protos with their comments. */
export function protoImage(): Uint8Array {
  return execFileSync(join(root, 'node_modules/.bin/buf'), ['build', '-o', '-'], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
}

export function generatedOpenApi(image: Uint8Array = protoImage()): OpenApi {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return openApi(image, version);
}

export function committedOpenApi(): string {
  return readFileSync(join(root, 'gen/openapi/openapi.json'), 'utf8');
}
