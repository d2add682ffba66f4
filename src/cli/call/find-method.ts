import type { MethodDefinition } from '@grpc/proto-loader';
import { usage } from '../failure.ts';
import type { Schema } from './schema.ts';

export interface Method {
  /** `sboxagent.v1.EventService`. */
  readonly service: string;
  readonly name: string;
  readonly definition: MethodDefinition<object, object>;
  readonly requestType: string;
  readonly responseType: string;
}

const ownPackage = 'sboxagent.v1.';

/** Every method, in the order of the files. */
export function allMethods(schema: Schema): readonly Method[] {
  return [...schema.services].flatMap(([service, definitions]) =>
    Object.entries(definitions).map(([name, definition]) => ({
      service,
      name,
      definition: definition as MethodDefinition<object, object>,
      requestType: fullName(schema, service, definition.requestType.type),
      responseType: fullName(schema, service, definition.responseType.type),
    })),
  );
}

/** proto-loader names a message without its package; a method's own is the nearest. */
function fullName(schema: Schema, service: string, type: object): string {
  const name = 'name' in type ? String(type.name) : '';
  const own = `${service.slice(0, service.lastIndexOf('.') + 1)}${name}`;
  if (schema.messages.has(own)) return own;
  const found = [...schema.messages.keys()].find((key) => key.endsWith(`.${name}`));
  if (found === undefined) throw new TypeError(`unknown message ${name}`);
  return found;
}

/** `EventService.ListEvents`, `sboxagent.v1.EventService/ListEvents`, `grpc.health.v1.Health.Check`. Throws a usage Failure with suggestions. */
export function findMethod(schema: Schema, text: string): Method {
  const wanted = text.replace(/^\//, '').replace('/', '.');
  const methods = allMethods(schema);
  const found = methods.find(({ service, name }) => [wanted, `${ownPackage}${wanted}`].includes(`${service}.${name}`));
  if (found !== undefined) return found;
  const close = suggestions(methods.map(shortName), wanted);
  throw usage(
    `there is no method ${JSON.stringify(text)}`,
    close.length === 0 ? '`sboxagent call` lists them all.' : `Did you mean ${close.join(' or ')}? \`sboxagent call\` lists them all.`,
  );
}

export function shortName({ service, name }: Pick<Method, 'service' | 'name'>): string {
  return `${service.startsWith(ownPackage) ? service.slice(ownPackage.length) : service}.${name}`;
}

/** The nearest few: those of that method name, else those that differ by few letters. */
function suggestions(names: readonly string[], wanted: string): readonly string[] {
  const method = (name: string): string => name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const same = names.filter((name) => method(name) === method(wanted));
  if (same.length > 0) return same.slice(0, 3);
  const ranked = names.map((name) => [distance(name.toLowerCase(), wanted.toLowerCase()), name] as const).sort(([a], [b]) => a - b);
  return ranked
    .filter(([far]) => far <= Math.max(3, wanted.length / 3))
    .slice(0, 3)
    .map(([, name]) => name);
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, swap));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
