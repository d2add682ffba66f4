/**
 * What a request is asked before a byte of its body is read: one list of checks, in the order in which they are asked. Each looks at one record of the
 * request.
 */
import type { Access } from '../../access/types.ts';
import type { Audit } from '../../audit/types.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AgentError } from '../../kernel/errors.ts';
import { anonymous, type Principal } from '../../kernel/principal.ts';
import type { Settings } from '../../settings/types.ts';
import type { Counter, Telemetry } from '../../telemetry/types.ts';
import { tooLarge } from '../transports/body.ts';
import { type Exchange, header } from '../transports/exchange.ts';
import { authorityAllowed, type Target, targetOf } from './authority.ts';
import type { Capacity } from './capacity.ts';
import type { OpenCalls } from './open-calls.ts';
import { isNavigation, judgeOrigin, type OriginVerdict } from './origin.ts';
import type { RateLimiter } from './rate-limit.ts';
import { type Route, type Routes, routeOf } from './route.ts';
import { judgeCaller, judgeVerdict } from './token.ts';

/** What the gate needs of the rest; functions are read at every request, so that a reload takes effect. */
export interface GateOptions {
  readonly api: () => Settings['api'];
  readonly access: Pick<Access, 'authenticate'>;
  readonly telemetry: Telemetry;
  readonly routes: Routes;
  readonly capacity: Capacity;
  readonly calls: OpenCalls;
  readonly limiter: () => RateLimiter;
  readonly counters: { readonly denied: Counter; readonly rateLimited: Counter; readonly limitRefused: Counter };
  readonly stopping: () => boolean;
  readonly audit: Pick<Audit, 'refused'> | undefined;
  readonly clock: Clock;
}

/** A request on its way through the checks, with what they found out. */
export class Visit {
  readonly exchange: Exchange;
  readonly local: boolean;
  readonly options: GateOptions;
  readonly api: Settings['api'];
  readonly target: Target;
  readonly origin: OriginVerdict;
  readonly route: Route;
  principal: Principal = anonymous;
  /** Why the caller may not, found out before the rate is judged and told after it. */
  denied: AgentError | undefined;
  /** Gives the place in the capacity back. */
  release: () => void = nothing;

  constructor(exchange: Exchange, local: boolean, options: GateOptions) {
    this.exchange = exchange;
    this.local = local;
    this.options = options;
    this.api = options.api();
    this.target = targetOf(exchange);
    this.origin = judgeOrigin(exchange, this.api.security.cors, this.target.authorities);
    this.route = routeOf(exchange, this.target.path, options.routes);
  }
}

function nothing(): void {}

type Check = (visit: Visit) => AgentError | undefined;

const authority: Check = ({ exchange, local, target, api }) => {
  const { authorities } = target;
  // A message has no name of a host that a foreign page could have made up.
  if (
    local ||
    exchange.verdict !== undefined ||
    (authorities.length > 0 && authorities.every((name) => authorityAllowed(name, api.allowedHosts)))
  )
    return undefined;
  const message = 'this name is not one of the agent: call by localhost or 127.0.0.1, or list it in api.allowed_hosts';
  return new AgentError('HOST_NOT_ALLOWED', message);
};

const routed: Check = ({ route, exchange }) => {
  if (route.kind !== 'none' || exchange.method === 'OPTIONS') return undefined;
  if (route.allow !== undefined) exchange.common['allow'] = allowOf(route.allow);
  return route.error;
};

const fromOrigin: Check = ({ origin, route, exchange }) => {
  if (origin.ok || (route.kind === 'plain' && route.route.scope === undefined && isNavigation(exchange))) return undefined;
  return origin.error;
};

/** Never refuses: guesses at tokens are calls of their peer's address, so that the rate goes first. */
const caller: Check = (visit) => {
  const { exchange, local, api, options, route } = visit;
  const scope = route.kind === 'call' ? route.method.scope : route.kind === 'plain' ? route.route.scope : undefined;
  const { access, counters } = options;
  const judged =
    exchange.verdict !== undefined
      ? judgeVerdict(exchange.verdict, scope)
      : judgeCaller(header(exchange, 'authorization'), scope, { local, authEnabled: api.security.authEnabled, access });
  visit.principal = judged.principal;
  visit.denied = judged.error;
  if (judged.error !== undefined) counters.denied.add(1, { reason: judged.error.reason.toLowerCase() });
  return undefined;
};

const rate: Check = ({ exchange, local, api, options, route, principal }) => {
  const limited = route.kind === 'call' ? route.method.rateLimited : route.kind === 'plain' && route.route.rateLimited;
  if (local || !limited) return undefined;
  const known = principal.scopes.size > 0 && api.security.authEnabled;
  const waitMs = options.limiter().take(known ? `token ${principal.id}` : `peer ${exchange.remoteAddress}`);
  if (waitMs === 0) return undefined;
  options.counters.rateLimited.add(1);
  return new AgentError('RATE_LIMITED', `too many requests: wait ${Math.ceil(waitMs / 1000)} s`, { retryAfterMs: waitMs });
};

const allowed: Check = ({ denied }) => denied;

const running: Check = ({ options }) => (options.stopping() ? new AgentError('SHUTTING_DOWN', 'the agent is stopping') : undefined);

const size: Check = ({ exchange, api, options, route }) => {
  const bytes = header(exchange, 'content-length');
  if (bytes === undefined) return undefined;
  const kind = route.kind === 'call' ? route.method.desc.methodKind : 'unary';
  // A stream of messages may be longer than one message.
  if (kind === 'client_streaming' || kind === 'bidi_streaming') return undefined;
  const limit = api.limits.messageBytes;
  if (Number(bytes) <= route.protocol.bodyBytes(limit)) return undefined;
  options.counters.limitRefused.add(1, { limit: 'message_bytes' });
  return tooLarge(limit, Number(bytes));
};

const capacity: Check = (visit) => {
  const { route, principal, api, options } = visit;
  const method = route.kind === 'call' ? route.method : undefined;
  // Health must be answered exactly when there is too much of everything else.
  const place = options.capacity.take({ method, principal, always: method !== undefined && method.scope === undefined }, api);
  if (place instanceof AgentError) return place;
  visit.release = place;
  return undefined;
};

/** Before anything is known of the call, and once it has a span. */
export const checks = {
  arriving: [authority],
  placed: [routed, fromOrigin],
  called: [caller, rate, allowed, running, size, capacity],
} as const;

export function refusalBy(list: readonly Check[], visit: Visit): AgentError | undefined {
  // By index: an iterator for each list is what a call would pay for.
  for (let at = 0; at < list.length; at += 1) {
    const error = list[at]?.(visit);
    if (error !== undefined) return error;
  }
  return undefined;
}

/** What `Allow` says: who serves GET serves HEAD. */
export function allowOf(methods: readonly string[]): string {
  const all = methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods;
  return [...all, 'OPTIONS'].join(', ');
}
