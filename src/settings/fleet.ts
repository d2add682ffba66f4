import type { Scope } from '../kernel/principal.ts';
import type { Entries, Item } from './entries.ts';
import { secretOf } from './files.ts';
import { itemsOf, settleItems } from './items.ts';
import { type Problems, refuse } from './problems.ts';
import type { FleetKey, FleetSettings } from './types.ts';

/** Refuses keys that are none, half a pair of TLS files, and credentials that others can read. */
export function settleFleet(entries: Entries, problems: Problems): void {
  settleItems(itemsOf(entries, 'fleet.keys'), settleKey, problems);
  if (!problems.touches(['fleet.tls'])) problems.attempt(() => refuseHalfPair(entries));
  if (!problems.touches(['fleet.credentials_file'])) problems.attempt(() => readCredentials(entries));
}

function settleKey({ entries, base, tree }: Item): void {
  if (!entries.has('public_key')) throw refuse(tree, `${base}.public_key`, 'not given; "sboxagent fleet key" makes a pair and prints it');
}

function refuseHalfPair(entries: Entries): void {
  const [certificate, key] = [entries.get('fleet.tls.cert_file'), entries.get('fleet.tls.key_file')];
  const given = certificate ?? key;
  if (given === undefined || (certificate !== undefined && key !== undefined)) return;
  throw refuse(given.at, 'fleet.tls', 'cert_file and key_file go together; give both, or none');
}

function readCredentials(entries: Entries): void {
  const file = entries.get('fleet.credentials_file');
  if (file === undefined) return;
  const path = 'fleet.credentials_file';
  const text = secretOf(String(file.value), { at: file.at, path });
  if (text === '') throw refuse(file.at, path, `${String(file.value)} is empty; put the credentials there, or remove the key`);
  // No row has this name: it is in no document.
  entries.set('fleet.credentials', { ...file, value: text });
}

/** undefined: no servers are named. */
export function fleetOf(entries: Entries): FleetSettings | undefined {
  const get = <T>(path: string): T => entries.get(`fleet.${path}`)?.value as T;
  const servers = get<readonly string[]>('servers');
  if (servers.length === 0) return undefined;
  return {
    servers,
    credentialsFile: get('credentials_file'),
    credentials: get('credentials'),
    tls: { caFile: get('tls.ca_file'), certFile: get('tls.cert_file'), keyFile: get('tls.key_file') },
    name: get<string | undefined>('name') ?? subjectToken(String(entries.get('agent.name')?.value)),
    labels: get('labels'),
    prefix: get('prefix'),
    heartbeatMs: get('heartbeat'),
    keys: itemsOf(entries, 'fleet.keys').map(toKey),
  };
}

function toKey({ entries }: Item): FleetKey {
  const get = <T>(path: string): T => entries.get(path)?.value as T;
  return { name: get('name'), publicKey: get('public_key'), scopes: get<readonly Scope[]>('scopes') };
}

/** A name as a subject can carry it. */
function subjectToken(name: string): string {
  const fit = name.replace(/[^A-Za-z0-9_-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return fit === '' ? 'agent' : fit.slice(0, 63);
}
