import { duration, HOUR_MS, key, path, text, texts, writable } from './kinds.ts';
import type { Key, KeyType } from './types.ts';

/** One token of a subject: no dot, no wildcard. */
const subjectToken = text(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'a name of at most 63 letters, digits, "_" and "-", a letter or digit first');
const labels: KeyType = {
  kind: 'texts',
  names: { pattern: /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/, what: 'a name of a label' },
  masked: false,
};

/** Those who may call this agent over NATS. */
export const fleetKeyTable: readonly Key[] = [
  key('name', subjectToken, undefined, 'Needed; no two keys have the same.'),
  key(
    'public_key',
    text(/^[A-Za-z0-9_-]{43}$/, 'the public key that "sboxagent fleet key" prints'),
    undefined,
    'Needed. Its private half signs the calls.',
  ),
  key(
    'scopes',
    { ...texts(/^(read|events:write|operate|config:write|admin)$/, 'a scope: read, events:write, operate, config:write or admin') },
    ['read'],
    'What a call that it signed may do here.',
  ),
];

const rows: readonly Key[] = [
  key(
    'fleet.servers',
    texts(/^(nats|tls):\/\/[^\s@/]+$/, 'a URL as in tls://nats.example.org:4222, without user and password'),
    [],
    'NATS servers with JetStream. Without any the agent is in no fleet, and nothing of it is loaded.',
  ),
  key('fleet.credentials_file', path, undefined, 'Credentials of NATS (a .creds file, 0600). Default: none are sent.'),
  key('fleet.tls.ca_file', path, undefined, "Authorities of the servers' certificates. Default: the system's."),
  key('fleet.tls.cert_file', path, undefined, 'Certificate of this agent, where the servers ask for one.'),
  key('fleet.tls.key_file', path, undefined, 'Its key (0600).'),
  key('fleet.name', subjectToken, undefined, 'Name in the fleet. Default: agent.name, what no subject takes as "-".'),
  key('fleet.labels', labels, {}, 'Labels by which agents are chosen.'),
  key('fleet.prefix', subjectToken, 'sboxagent', 'First token of every subject.'),
  key('fleet.heartbeat', duration(1000, HOUR_MS), '10s', 'How often it says that it is there.'),
  key('fleet.keys', { kind: 'list', keys: fleetKeyTable, most: 100 }, [], 'Who may call this agent over NATS, and with which scopes.'),
];

/** `fleet`. */
export const fleetKeys = writable(rows, ['fleet.labels', 'fleet.heartbeat']);
