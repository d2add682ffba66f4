import { type ReadonlySignal, signal } from '@preact/signals';

/** Where the page is: the parts of the fragment's path, decoded, and what is asked in its query. */
export interface Route {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export interface Router {
  readonly route: ReadonlySignal<Route>;
  go(path: string): void;
  /** Changes the query in place, without a new entry in the history. */
  ask(changes: Readonly<Record<string, string>>): void;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** `#/processes/edge/logs` of `processes`, `edge`, `logs`. */
export function href(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function createRouter(view: Window): Router {
  const route = signal(parseRoute(view.location.hash));
  view.addEventListener('hashchange', () => {
    route.value = parseRoute(view.location.hash);
    view.scrollTo(0, 0);
  });
  return {
    route,
    go(path) {
      view.location.hash = path;
    },
    ask(changes) {
      const query = new URLSearchParams(route.value.query);
      for (const [name, value] of Object.entries(changes)) {
        if (value === '') query.delete(name);
        else query.set(name, value);
      }
      const text = query.toString();
      view.history.replaceState(null, '', `#/${route.value.path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`);
      route.value = { ...route.value, query };
    },
  };
}
