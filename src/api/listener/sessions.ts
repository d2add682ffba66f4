import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Clock } from '../../kernel/clock.ts';
import type { Settings } from '../../settings/types.ts';

/** How long a session that is told to go may take before its socket is destroyed. */
const goodbyeMs = 500;

/** `api.limits` and `api.streams` as they are in force. */
export type ConnectionLimits = Settings['api']['limits'] & Settings['api']['streams'];

/**
 * Watches HTTP/2 sessions, which Node gives no timeouts at all: one without an open stream is closed after the idle time, and one
 * whose peer does not answer a PING is ended, since a peer that vanished without a word says nothing else.
 */
export interface Sessions {
  /** GOAWAY for all: no new streams, the open ones go on. */
  goAway(): void;
  /** Looks at all of them; called a few times a second. */
  inspect(nowMs: number): void;
}

interface Watched {
  readonly session: ServerHttp2Session;
  streams: number;
  idleSinceMs: number;
  pingedMs: number;
  /** Whether a PING is out that is not answered. */
  waiting: boolean;
}

export function watchSessions(server: Http2Server, options: { readonly clock: Clock; readonly limits: () => ConnectionLimits }): Sessions {
  const { clock, limits } = options;
  const open = new Set<Watched>();
  server.on('session', (session) => {
    const nowMs = clock.monotonicMs();
    const watched: Watched = { session, streams: 0, idleSinceMs: nowMs, pingedMs: nowMs, waiting: false };
    open.add(watched);
    const closed = (): void => {
      watched.streams -= 1;
      watched.idleSinceMs = clock.monotonicMs();
    };
    session.on('stream', (stream) => {
      watched.streams += 1;
      stream.on('close', closed);
    });
    session.once('close', () => open.delete(watched));
  });
  return {
    goAway() {
      for (const { session } of open) session.close();
    },
    inspect(nowMs) {
      for (const watched of open) inspectSession(watched, nowMs, limits());
    },
  };
}

function inspectSession(watched: Watched, nowMs: number, limits: ConnectionLimits): void {
  const { session } = watched;
  if (session.destroyed) return;
  const idleMs = watched.streams > 0 ? 0 : nowMs - watched.idleSinceMs;
  // Headers without their end keep a session open for ever: close() alone would wait for them.
  if (idleMs >= limits.idleTimeoutMs + goodbyeMs) session.destroy();
  else if (idleMs >= limits.idleTimeoutMs) session.close();
  else if (watched.waiting && nowMs - watched.pingedMs >= limits.pongTimeoutMs) session.destroy();
  else if (!watched.waiting && nowMs - watched.pingedMs >= limits.pingIntervalMs) ping(watched, nowMs);
}

function ping(watched: Watched, nowMs: number): void {
  watched.pingedMs = nowMs;
  watched.waiting = watched.session.ping(() => {
    watched.waiting = false;
  });
}
