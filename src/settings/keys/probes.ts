import { choice, duration, HOUR_MS, integer, key, program, text, web } from './kinds.ts';
import type { Key, KeyType } from './types.ts';

const address = text(/^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}):(?!0)\d{1,5}$/, 'an address as in 127.0.0.1:9000');
const headers: KeyType = {
  kind: 'texts',
  names: { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, what: 'a name of a header' },
  // More than one line would be more than one header.
  values: { pattern: /^[\t\x20-\x7e\x80-\xff]*$/, what: 'a value of a header' },
  masked: true,
};
const expression: KeyType = { kind: 'string', form: { pattern: { test: isExpression }, what: 'a regular expression' } };
const proxyUrl: KeyType = {
  kind: 'string',
  form: { pattern: { test: isProxy }, what: 'a proxy as in http://127.0.0.1:2080 or socks5://127.0.0.1:1080' },
};

function isExpression(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return pattern.length <= 1000;
  } catch {
    return false;
  }
}

function isProxy(url: string): boolean {
  return /^(?:http|socks5):\/\/\S+$/.test(url) && URL.canParse(url) && Number(new URL(url).port) > 0;
}

/** The kinds of a probe by the key that each cannot do without. */
export const probeKinds = ['exec.command', 'http.url', 'tcp.address', 'grpc.address', 'log.pattern', 'engine', 'proxy.url'] as const;
/** Those that need no engine and no lines of a log. */
export const plainProbeKinds = probeKinds.slice(0, 4);

const proof = (needs: readonly string[], row: Key): Key => ({ ...row, needs });

/** How the kinds of probe below `base` are written. */
export function probeKindKeys(base: string, kinds: readonly string[]): readonly Key[] {
  const http = [`${base}.http.url`];
  const rows: readonly Key[] = [
    key(`${base}.exec.command`, program, undefined, 'Succeeds when this program ends with 0. Exactly one kind is given.'),
    key(`${base}.http.url`, web('http://127.0.0.1:9000/healthz'), undefined, 'Succeeds when this answers with one of the statuses.'),
    proof(http, key(`${base}.http.method`, choice('GET', 'HEAD', 'POST', 'PUT', 'OPTIONS'), 'GET', 'Method of the request.')),
    proof(http, key(`${base}.http.headers`, headers, {}, 'Headers of the request.')),
    proof(http, key(`${base}.http.status`, { kind: 'statuses' }, ['200-399'], 'Statuses that are a success.')),
    key(`${base}.tcp.address`, address, undefined, 'Succeeds when this takes a connection.'),
    key(`${base}.grpc.address`, address, undefined, 'Succeeds when grpc.health.v1 says SERVING here.'),
    proof([`${base}.grpc.address`], key(`${base}.grpc.service`, { kind: 'string', empty: true }, '', 'The service that is asked for.')),
    key(`${base}.log.pattern`, expression, undefined, 'Succeeds when a line of this run matched; the mark stays.'),
    key(`${base}.engine`, { kind: 'empty' }, undefined, "Succeeds when the engine's own API answers; written `engine: {}`."),
    key(`${base}.proxy.url`, web('http://cp.cloudflare.com/generate_204'), undefined, 'Succeeds when this answers through the proxy.'),
    key(
      `${base}.proxy.via`,
      proxyUrl,
      undefined,
      "The proxy. Default: the config's own first http, mixed or socks inbound, with its own user.",
    ),
    proof([`${base}.proxy.url`], key(`${base}.proxy.status`, { kind: 'statuses' }, ['200-399'], 'Statuses that are a success.')),
  ];
  const names = kinds.map((kind) => `${base}.${kind.split('.')[0]}`);
  return rows.filter((row) => names.some((name) => row.path === name || row.path.startsWith(`${name}.`)));
}

export interface ProbeDefaults {
  readonly period: string;
  readonly timeout: string;
  readonly failureThreshold: number;
  /** Kubernetes lets only a readiness probe have another success threshold than 1. */
  readonly maxSuccess: number;
}

/** A probe with the five numbers of Kubernetes; the defaults hold only where one of its kinds is given. */
export function probeKeys(base: string, { period, timeout, failureThreshold, maxSuccess }: ProbeDefaults): readonly Key[] {
  const given = probeKinds.map((kind) => `${base}.${kind}`);
  return [
    ...probeKindKeys(base, probeKinds),
    proof(
      given,
      key(`${base}.initial_delay`, duration(0, 24 * HOUR_MS), '0s', 'Time from the start (of what it waits for) to the first look.'),
    ),
    proof(given, key(`${base}.period`, duration(100), period, 'How often.')),
    proof(given, key(`${base}.timeout`, duration(100), timeout, 'How long a look may take.')),
    proof(given, key(`${base}.success_threshold`, integer(1, maxSuccess), 1, 'Successes in a row that count.')),
    proof(given, key(`${base}.failure_threshold`, integer(1, 100_000), failureThreshold, 'Failures in a row that count.')),
  ];
}
