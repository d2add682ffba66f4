/** The API's own documents: the OpenAPI document, for who may read, and the page that shows it, for everybody. */
import { fileURLToPath } from 'node:url';
import type { PlainRoute } from '../seam.ts';
import { fileRoute, staticRoutes } from './static-routes.ts';

const at = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** Throws where the files of the page are missing. */
export function referenceRoutes(): readonly PlainRoute[] {
  const document = at('gen/openapi/openapi.json');
  return [
    fileRoute({ path: '/openapi.json', file: document, scope: 'read' }),
    fileRoute({ path: '/api/v1/openapi.json', file: document, scope: 'read' }),
    ...staticRoutes({ prefix: '/docs', directory: at('src/reference'), scope: undefined }),
    ...staticRoutes({ prefix: '/docs/swagger-ui', directory: at('third_party/swagger-ui'), scope: undefined }),
  ];
}
