import { foldName } from './key-pattern.ts';
import type { Document } from './types.ts';

/** The value as a table; an empty one where it is none. */
export function table(value: unknown): Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Document) : {};
}

/** The tables of a list; what is no table is passed over. */
export function tables(value: unknown): readonly Document[] {
  return (Array.isArray(value) ? value : []).map(table);
}

/** The value at a path of names, each found as the engine finds it: without case. */
export function field(from: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((at, name) => {
    const here = table(at);
    if (Object.hasOwn(here, name)) return here[name];
    const folded = foldName(name);
    const written = Object.keys(here).find((key) => foldName(key) === folded);
    return written === undefined ? undefined : here[written];
  }, from);
}

/** A text; a number counts as it is written. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** A list of texts; one alone is a list of it. */
export function texts(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]).map(text);
}

/** A port; 0 where it is none. */
export function port(value: unknown): number {
  const number = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number > 0 && number < 65_536 ? number : 0;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9090`, `[::1]:9090`, `:9090` (everywhere: `::`); undefined where it is none, or its port is 0. */
export function hostPort(value: unknown): HostPort | undefined {
  const found = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text(value).trim());
  const number = port(found?.[3]);
  return found === null || number === 0 ? undefined : { host: found[1] || found[2] || '::', port: number };
}

/** Where a listener on this address is reached from this machine. */
export function reachable(address: string): string {
  if (address === '' || address === '0.0.0.0' || address === '*') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

/** Whether only this machine reaches it. A name other than localhost may mean anything. */
export function isLoopback(address: string): boolean {
  const bare = address.toLowerCase().replace(/^::ffff:/, '');
  return /^127(?:\.\d{1,3}){3}$/.test(bare) || bare === '::1' || bare === 'localhost';
}
