import type { RestMatch, ServedMethod } from '../../seam.ts';
import { type Route, routesOf } from './route.ts';
import { captured } from './template.ts';
import { createTree } from './tree.ts';

export interface Router {
  readonly routes: readonly Route[];
  /** HEAD is matched as GET. Paths come without query, still percent-encoded. */
  match(httpMethod: string, path: string): RestMatch;
}

/** Routes that match the same paths, by HTTP method. */
type Place = Map<string, Route>;

function allowed(place: Place): string[] {
  const methods = [...place.keys()];
  return methods.includes('GET') ? [...methods, 'HEAD'].sort() : methods.sort();
}

/** Throws for two routes of one method and path, and for a rule that names a field that does not exist. */
export function createRouter(methods: readonly ServedMethod[]): Router {
  const routes = methods.flatMap(routesOf);
  const tree = createTree<Place>();
  for (const route of routes) {
    const { compiled, httpMethod, method, template } = route;
    const place = tree.at(compiled, () => new Map());
    const other = place.get(httpMethod);
    if (other !== undefined) throw new Error(`${httpMethod} ${template} is a route of ${other.method.path} and of ${method.path}`);
    place.set(httpMethod, route);
  }
  return {
    routes,
    match(httpMethod, path) {
      const found = tree.find(path);
      if (found === undefined) return { kind: 'none' };
      const route = found.value.get(httpMethod === 'HEAD' ? 'GET' : httpMethod);
      if (route === undefined) return { kind: 'method_not_allowed', allow: allowed(found.value) };
      return { kind: 'route', method: route.method, params: captured(route.compiled, found.parts), route };
    },
  };
}
