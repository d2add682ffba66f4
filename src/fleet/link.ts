import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../kernel/clock.ts';
import { createNote, type NotedHealth } from '../kernel/note.ts';
import { untilAborted } from '../kernel/until-aborted.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Logger } from '../telemetry/types.ts';
import { connectionOptions } from './connection-options.ts';

/** The connection to NATS. It comes and goes, and disturbs nobody by that. */
export interface Link {
  /** The connection, once there is one. Rejects with the signal's reason. */
  connected(signal: AbortSignal): Promise<NatsConnection>;
  isUp(): boolean;
  /** Fires when the connection is lost; fired already where there is none. */
  lost(): AbortSignal;
  /** Calls `listener` each time that the servers are reached, the first time too. Answers how to stop. */
  onReached(listener: () => void): () => void;
  /** DEGRADED while the servers are away. */
  readonly health: () => NotedHealth;
  /** What else is wrong, by part; an empty text heals. */
  note(part: string, problem: string): void;
  start(): void;
  /** Sends what is on its way, within a bound, and leaves. Idempotent. */
  stop(): Promise<void>;
}

const firstWaitMs = 1000;
const longestWaitMs = 30_000;
const drainMs = 2000;

export interface LinkOptions {
  readonly settings: FleetSettings;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createLink({ settings, clock, logger }: LinkOptions): Link {
  const ending = new AbortController();
  const { health, note } = createNote(clock);
  const problems = new Map<string, string>();
  let up = Promise.withResolvers<NatsConnection>();
  let current: NatsConnection | undefined;
  let ended: Promise<void> | undefined;
  const listeners = new Set<() => void>();
  let stretch = new AbortController();
  stretch.abort(new Error('the fleet is not reached'));

  const noteProblem = (part: string, problem: string): void => {
    if (problem === '') problems.delete(part);
    else problems.set(part, problem);
    note([...problems.values()].join('; '));
  };
  /** One warning an outage, however often it is tried. */
  const lost = (why: string): void => {
    if (!problems.has('link')) logger.warn({ servers: settings.servers, problem: why }, 'the fleet is not reached; it is tried again');
    noteProblem('link', `the fleet is not reached: ${why}`);
    stretch.abort(new Error('the fleet is no longer reached'));
  };
  const back = (connection: NatsConnection): void => {
    if (problems.has('link')) logger.info({ server: connection.getServer() }, 'the fleet is reached again');
    noteProblem('link', '');
    if (stretch.signal.aborted) stretch = new AbortController();
  };
  const reached = (): void => {
    for (const listener of listeners) listener();
  };
  /** Follows one connection, which connects again by itself, until it is closed for good. */
  const follow = async (connection: NatsConnection): Promise<void> => {
    current = connection;
    back(connection);
    up.resolve(connection);
    reached();
    const statuses = (async () => {
      for await (const status of connection.status()) {
        if (status.type === 'disconnect' || status.type === 'staleConnection') lost('the connection was lost');
        if (status.type === 'reconnect') {
          back(connection);
          reached();
        }
        if (status.type === 'error') logger.debug({ err: status.error }, 'NATS refused something');
      }
    })();
    const error = await connection.closed();
    await statuses;
    current = undefined;
    up = Promise.withResolvers();
    if (!ending.signal.aborted) lost(error === undefined ? 'the server closed the connection' : reasonOf(error));
  };
  const run = async (): Promise<void> => {
    let waitMs = firstWaitMs;
    while (!ending.signal.aborted) {
      try {
        const connection = await connect(connectionOptions(settings));
        if (ending.signal.aborted) return await connection.close();
        await follow(connection);
        waitMs = firstWaitMs;
      } catch (error) {
        lost(reasonOf(error));
      }
      await clock.sleep(waitMs * (0.75 + Math.random() / 2), ending.signal).catch(() => {});
      waitMs = Math.min(waitMs * 2, longestWaitMs);
    }
  };

  return {
    connected: (signal) => untilAborted(up.promise, signal),
    isUp: () => current !== undefined && !problems.has('link'),
    lost: () => stretch.signal,
    onReached(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    health,
    note: noteProblem,
    start() {
      ended ??= run();
    },
    async stop() {
      ending.abort();
      const leaving = current;
      if (leaving !== undefined) {
        const drained = problems.has('link') ? Promise.resolve() : leaving.drain().catch(() => {});
        await Promise.race([drained, clock.sleep(drainMs)]);
        await leaving.close().catch(() => {});
      }
      // A connection attempt cannot be taken back; what it makes is closed.
      await Promise.race([ended, clock.sleep(drainMs)]);
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
