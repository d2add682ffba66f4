import { recoverySteps } from '../types.ts';
import { choice, duration, HOUR_MS, integer, key, later, program, text, web } from './kinds.ts';
import type { Key, KeyType } from './types.ts';
import { unitKeyTable } from './units.ts';

const probe = 'probes.readiness';
const kinds = [`${probe}.exec.command`, `${probe}.http.url`, `${probe}.tcp.address`, `${probe}.grpc.address`];
const address = text(/^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}):(?!0)\d{1,5}$/, 'an address as in 127.0.0.1:9000');
const headers: KeyType = {
  kind: 'texts',
  names: { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, what: 'a name of a header' },
  // More than one line would be more than one header.
  values: { pattern: /^[\t\x20-\x7e\x80-\xff]*$/, what: 'a value of a header' },
  masked: true,
};
const steps: KeyType = {
  kind: 'strings',
  form: { pattern: { test: (step) => recoverySteps.some((known) => known === step) }, what: `one of ${recoverySteps.join(', ')}` },
};

const proof = (needs: readonly string[], row: Key): Key => ({ ...row, needs });
const http = [`${probe}.http.url`];
const ladder = ['recovery.steps'];

/** The keys of a plugin that sboxagent runs: those of a unit, how its health is checked, and how it is mended. */
export const pluginUnitKeyTable: readonly Key[] = [
  ...unitKeyTable.filter(({ path }) => path !== 'probes'),
  key(`${probe}.exec.command`, program, undefined, 'Well when this program ends with 0. Exactly one of exec, http, tcp and grpc is given.'),
  key(`${probe}.http.url`, web('http://127.0.0.1:9000/healthz'), undefined, 'Well when this answers with one of the statuses.'),
  proof(http, key(`${probe}.http.method`, choice('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'), 'GET', 'Method of the request.')),
  proof(http, key(`${probe}.http.headers`, headers, {}, 'Headers of the request.')),
  proof(http, key(`${probe}.http.status`, { kind: 'statuses' }, ['200-399'], 'Statuses that are a success.')),
  key(`${probe}.tcp.address`, address, undefined, 'Well when this takes a connection.'),
  key(`${probe}.grpc.address`, address, undefined, 'Well when grpc.health.v1 says SERVING here.'),
  proof([`${probe}.grpc.address`], key(`${probe}.grpc.service`, { kind: 'string', empty: true }, '', 'The service that is asked for.')),
  proof(kinds, key(`${probe}.initial_delay`, duration(0, 24 * HOUR_MS), '0s', 'Time before the first check.')),
  key(`${probe}.period`, duration(100), undefined, 'How often. Default: plugins.health_check.interval.'),
  key(`${probe}.timeout`, duration(100), undefined, 'How long a check may take. Default: plugins.health_check.timeout.'),
  proof(kinds, key(`${probe}.success_threshold`, integer(1, 1000), 1, 'Successes in a row that heal.')),
  key(
    `${probe}.failure_threshold`,
    integer(1, 1000),
    undefined,
    'Failures in a row that make it UNHEALTHY. Default: plugins.health_check.retries.',
  ),
  key(`${probe}.log`, later, undefined, 'A line of its log.'),
  key(`${probe}.engine`, later, undefined, "An engine's own API."),
  key(`${probe}.proxy`, later, undefined, 'A request through a proxy.'),
  key('probes.startup', later, undefined, 'How its start is proved.'),
  key('probes.liveness', later, undefined, 'What restarts it.'),
  key('recovery.steps', steps, undefined, `How it is mended, in order: ${recoverySteps.join(', ')}.`),
  proof(ladder, key('recovery.budget', integer(1, 1000), 5, 'So many steps within the window; then it is given up.')),
  proof(ladder, key('recovery.window', duration(1000), '10m', 'That window.')),
  proof(ladder, key('recovery.backoff', duration(0, 24 * HOUR_MS), '1s', 'Time before the next step.')),
];
