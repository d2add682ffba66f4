import type { Http2Server, ServerHttp2Session } from 'node:http2';
import type { Clock } from '../../kernel/clock.ts';

/** How long a session that is told to go may take before its socket is destroyed. */
const goodbyeMs = 500;

/** Watches HTTP/2 sessions, which Node gives no timeouts at all: one without an open stream is closed after `idleMs`. */
export interface Sessions {
  /** GOAWAY for all: no new streams, the open ones go on. */
  goAway(): void;
}

export function watchSessions(server: Http2Server, options: { readonly clock: Clock; readonly idleMs: () => number }): Sessions {
  const open = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    open.add(session);
    const cancelIdle = closeWhenIdle(session, options);
    session.once('close', () => {
      open.delete(session);
      cancelIdle();
    });
  });
  return {
    goAway() {
      for (const session of open) session.close();
    },
  };
}

function closeWhenIdle(session: ServerHttp2Session, options: { readonly clock: Clock; readonly idleMs: () => number }): () => void {
  const { clock } = options;
  let streams = 0;
  const expire = (): void => {
    if (session.destroyed) return;
    session.close();
    // Headers without their end keep a session open for ever: close() alone would wait for them.
    cancel = clock.after(goodbyeMs, () => session.destroy());
  };
  let cancel = clock.after(options.idleMs(), expire);
  session.on('stream', (stream) => {
    streams += 1;
    cancel();
    stream.once('close', () => {
      streams -= 1;
      if (streams > 0) return;
      cancel();
      cancel = clock.after(options.idleMs(), expire);
    });
  });
  return () => cancel();
}
