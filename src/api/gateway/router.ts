/** REST's routes, compiled from the `google.api.http` options of the methods that are served. */
import { getOption, hasOption } from '@bufbuild/protobuf';
import { http } from '../../../gen/es/google/api/annotations_pb.js';
import type { HttpRule } from '../../../gen/es/google/api/http_pb.js';
import type { RestMatch, RestRoute, RpcMethod } from '../seam.ts';
import { matchTemplate, parseTemplate, type Template } from './template.ts';

/** One rule of one method. */
export interface Route extends RestRoute {
  readonly method: RpcMethod;
  readonly compiled: Template;
  /** `*`, the name of a field, or empty: there is no body. */
  readonly body: string;
  /** The field that is the answer; empty for the whole message. */
  readonly responseBody: string;
}

export interface Router {
  readonly routes: readonly Route[];
  match(httpMethod: string, path: string): RestMatch;
}

function patternOf({ pattern }: HttpRule): { readonly httpMethod: string; readonly template: string } {
  switch (pattern.case) {
    case undefined:
      throw new Error('a google.api.http rule has no pattern');
    case 'custom':
      return { httpMethod: pattern.value.kind.toUpperCase(), template: pattern.value.path };
    default:
      return { httpMethod: pattern.case.toUpperCase(), template: pattern.value };
  }
}

function routesOf(method: RpcMethod): Route[] {
  if (!hasOption(method.desc, http)) return [];
  const rule = getOption(method.desc, http);
  return [rule, ...rule.additionalBindings].map((binding) => {
    const { httpMethod, template } = patternOf(binding);
    return { httpMethod, template, method, compiled: parseTemplate(template), body: binding.body, responseBody: binding.responseBody };
  });
}

/** Literals before wildcards, from the left; a verb before none. */
function compare(a: Template, b: Template): number {
  const rank = (template: Template, index: number): number => ['literal', 'one', 'rest'].indexOf(template.segments[index]?.kind ?? 'rest');
  if ((a.verb === undefined) !== (b.verb === undefined)) return a.verb === undefined ? 1 : -1;
  for (let index = 0; index < Math.max(a.segments.length, b.segments.length); index += 1) {
    const difference = rank(a, index) - rank(b, index);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Routes that match the same paths, by HTTP method. */
type Place = ReadonlyMap<string, Route>;

function places(routes: readonly Route[]): Place[] {
  const byShape = new Map<string, Map<string, Route>>();
  for (const route of routes) {
    const place = byShape.get(route.compiled.shape) ?? new Map<string, Route>();
    const other = place.get(route.httpMethod);
    if (other !== undefined) {
      throw new Error(`${route.httpMethod} ${route.template} is a route of ${other.method.path} and of ${route.method.path}`);
    }
    byShape.set(route.compiled.shape, place.set(route.httpMethod, route));
  }
  const first = (place: Place): Template => [...place.values()].map(({ compiled }) => compiled)[0] ?? parseTemplate('/-');
  return [...byShape.values()].sort((a, b) => compare(first(a), first(b)));
}

function parts(path: string, verb: string | undefined): readonly string[] | undefined {
  if (!path.startsWith('/')) return undefined;
  if (verb === undefined) return path.slice(1).split('/');
  return path.endsWith(`:${verb}`) ? path.slice(1, -verb.length - 1).split('/') : undefined;
}

function allowed(place: Place): string[] {
  const methods = [...place.keys()];
  return methods.includes('GET') ? [...methods, 'HEAD'].sort() : methods.sort();
}

/** Throws for two routes of one method and path. */
export function createRouter(methods: readonly RpcMethod[]): Router {
  const routes = methods.flatMap(routesOf);
  const ordered = places(routes);
  return {
    routes,
    match(httpMethod, path) {
      const asked = httpMethod === 'HEAD' ? 'GET' : httpMethod;
      for (const place of ordered) {
        for (const route of place.values()) {
          const split = parts(path, route.compiled.verb);
          const params = split && matchTemplate(route.compiled, split);
          if (params === undefined) break;
          const chosen = place.get(asked);
          if (chosen === undefined) return { kind: 'method_not_allowed', allow: allowed(place) };
          // Routes of one place may name their captures differently.
          const own = chosen === route ? params : (matchTemplate(chosen.compiled, split ?? []) ?? {});
          return { kind: 'route', method: chosen.method, params: own, route: chosen };
        }
      }
      return { kind: 'none' };
    },
  };
}
