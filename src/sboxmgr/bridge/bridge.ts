import { createServer, type Server, type Socket } from 'node:net';
import type { Journal } from '../../events/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Claim, claimSocket, type SocketFile } from '../../kernel/socket-file.ts';
import type { SboxmgrSettings } from '../../settings/types.ts';
import type { Logger, Metrics } from '../../telemetry/index.ts';
import { type Budget, type Connection, serveConnection } from './connection.ts';
import { answerMessage, type BridgeStatus } from './requests.ts';

export interface BridgeOptions {
  readonly settings: SboxmgrSettings['socket'];
  readonly publisher: Pick<Journal, 'publish'>;
  readonly status: () => BridgeStatus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The socket on which sboxmgr finds the agent. */
export interface Bridge {
  /** Never rejects: where the socket cannot be had the agent runs without it, says so, and tries again. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** HEALTHY also while another program has the socket, then with a message; DEGRADED where something is in the way. */
  health(): { readonly status: 'HEALTHY' | 'DEGRADED'; readonly message: string; readonly sinceMs: number };
}

export const maxConnections = 32;
const maxHeldBytes = 16 << 20;
/** A connection that has been idle for so long gives way to a new one when all are taken. */
const giveWayMs = 30_000;
/** How often the file is looked at: who cleans up /tmp may have taken it, and who had it may be gone. */
const lookEveryMs = 10_000;
/** How long requests under way are given at the end. */
const stopLimitMs = 2_000;

export function openBridge(options: BridgeOptions): Bridge {
  const { settings, clock, logger, metrics } = options;
  const refused = metrics.counter('sboxagent_limit_refused_total');
  const connections = new Set<Connection>();
  const budget: Budget = { held: 0, max: maxHeldBytes, refused: () => refused.add(1, { limit: 'sboxmgr_bytes' }) };
  let server: Server | undefined;
  let file: SocketFile | undefined;
  let health: ReturnType<Bridge['health']> = { status: 'HEALTHY', message: '', sinceMs: clock.wallMs() };
  let cancelLook = (): void => {};
  let looking: Promise<void> = Promise.resolve();
  let stopped = false;

  const admit = (): boolean => {
    if (connections.size < maxConnections) return true;
    const now = clock.monotonicMs();
    const idle = [...connections]
      .map((connection) => ({ connection, since: connection.idleSinceMs() ?? now }))
      .sort((a, b) => a.since - b.since)[0];
    if (idle === undefined || now - idle.since < giveWayMs) return false;
    connections.delete(idle.connection);
    idle.connection.close();
    return true;
  };
  const accept = (socket: Socket): void => {
    if (!admit()) {
      refused.add(1, { limit: 'sboxmgr_connections' });
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const connection = serveConnection({ socket, clock, budget, answer: (message) => answerMessage(message, options) });
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  };
  const note = (status: 'HEALTHY' | 'DEGRADED', message: string): void => {
    if (health.message === message) return;
    health = { status, message, sinceMs: clock.wallMs() };
    if (message === '') logger.info({ path: settings.path }, 'the socket for sboxmgr is open');
    else logger.warn({ path: settings.path, reason: message }, 'the agent runs without the socket for sboxmgr');
  };
  const close = (which: Server | undefined): Promise<void> => {
    return new Promise((resolve) => (which?.listening ? which.close(() => resolve()) : resolve()));
  };
  const open = async (): Promise<void> => {
    const next = createServer({ allowHalfOpen: true }, accept);
    const claim: Claim = await claimSocket(next, { ...settings, key: 'sboxmgr.socket' });
    next.on('error', (error) => logger.warn({ err: error }, 'the socket for sboxmgr took no connection'));
    if (claim.kind === 'ours') {
      server = next;
      file = claim.file;
      if (health.message === '') logger.info({ path: settings.path }, 'the socket for sboxmgr is open');
      note('HEALTHY', '');
    } else {
      void close(next);
      note(claim.kind === 'taken' ? 'HEALTHY' : 'DEGRADED', `runs without the socket for sboxmgr: ${claim.message}`);
    }
  };
  const checkSocket = async (): Promise<void> => {
    if (stopped || (file !== undefined && (await file.stands()))) return;
    // Connections that there are go on.
    void close(server);
    server = undefined;
    file = undefined;
    await open();
  };

  return {
    async start() {
      if (!settings.enabled || stopped) return;
      cancelLook();
      const round = (): void => {
        looking = looking
          .then(checkSocket)
          .catch((error: unknown) => logger.error({ err: error }, 'the socket for sboxmgr could not be looked after'));
      };
      round();
      cancelLook = clock.every(lookEveryMs, round);
      await looking;
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      cancelLook();
      await looking;
      await file?.remove();
      for (const connection of connections) connection.finish();
      const cancel = clock.after(stopLimitMs, () => {
        for (const connection of connections) connection.close();
      });
      await close(server);
      cancel();
    },
    health: () => health,
  };
}
