import { Code, ConnectError } from '@connectrpc/connect';
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { AgentStatus } from '../../../gen/es/sboxagent/v1/agent_pb.js';

/** Who looks at the page, and what the agent said of itself. */
export type SessionState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'locked'; readonly why: string | undefined }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'open'; readonly status: AgentStatus };

export type Scope = 'read' | 'events:write' | 'operate' | 'config:write' | 'admin';

export interface Session {
  readonly state: ReadonlySignal<SessionState>;
  readonly token: ReadonlySignal<string | undefined>;
  readonly scopes: ReadonlySignal<ReadonlySet<string>>;
  may(scope: Scope): boolean;
  /** Takes a token; empty = try without one. */
  unlock(token: string): void;
  lock(why?: string): void;
  opened(status: AgentStatus): void;
  /** Takes what a call ended with: an unknown caller is asked for a token. */
  failed(error: unknown): void;
}

const place = 'sboxagent.token';

/** A token in the fragment is taken out of the address bar and of the history before anything else happens. */
export function takeTokenFromAddress(address: Location, past: History): string | undefined {
  const found = /^#token=([\x21-\x7e]+)$/.exec(address.hash)?.[1];
  if (found === undefined) return undefined;
  past.replaceState(null, '', `${address.pathname}${address.search}#/`);
  return decodeURIComponent(found);
}

export function createSession(token: string | undefined, storage: Storage): Session {
  if (token !== undefined) storage.setItem(place, token);
  const current = signal(storage.getItem(place) ?? undefined);
  const state: Signal<SessionState> = signal({ kind: 'opening' });
  const scopes = computed<ReadonlySet<string>>(() =>
    state.value.kind === 'open' ? new Set(state.value.status.caller?.scopes ?? []) : new Set(),
  );
  const lock = (why?: string): void => {
    storage.removeItem(place);
    batch(() => {
      current.value = undefined;
      state.value = { kind: 'locked', why };
    });
  };
  return {
    state,
    token: current,
    scopes,
    may: (scope) => scopes.value.has('admin') || scopes.value.has(scope),
    unlock(next) {
      if (next !== '') storage.setItem(place, next);
      batch(() => {
        current.value = next === '' ? undefined : next;
        state.value = { kind: 'opening' };
      });
    },
    lock,
    opened(status) {
      state.value = { kind: 'open', status };
    },
    failed(error) {
      const { code, rawMessage } = ConnectError.from(error);
      if (code === Code.Unauthenticated) lock(current.value === undefined ? undefined : rawMessage);
      else if (code === Code.PermissionDenied && state.value.kind === 'opening') lock(rawMessage);
      else if (state.value.kind === 'opening') state.value = { kind: 'unreachable' };
    },
  };
}
