import type { Clock } from '../kernel/clock.ts';
import { untilAborted } from '../kernel/until-aborted.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Bucket } from './bucket.ts';
import type { Link } from './link.ts';
import type { PresenceEntry } from './presence-entry.ts';
import { createReach } from './reach.ts';

export interface PresenceOptions {
  readonly settings: FleetSettings;
  /** The one with an entry an agent. */
  readonly bucket: Bucket;
  readonly link: Link;
  readonly snapshot: () => Pick<PresenceEntry, 'version' | 'health' | 'units' | 'alerts_firing' | 'last_revision' | 'forwarded_revision'>;
  readonly clock: Clock;
}

/** What changes within so short a time is said at once. */
const gatherMs = 250;

/** Says in the bucket that the agent is there and how it is: at every heartbeat, and soon after that changes or the servers are back. */
export interface Presence {
  start(): void;
  changed(): void;
  /** Says it now. Resolves to the revision of the entry; rejects with what NATS rejects. */
  say(): Promise<number>;
  /** For how long every heartbeat was heard. */
  reachedForMs(): number;
  stop(): Promise<void>;
}

export function createPresence({ settings, bucket, link, snapshot, clock }: PresenceOptions): Presence {
  const { name, labels, heartbeatMs } = settings;
  const ending = new AbortController();
  const reach = createReach(clock, heartbeatMs);
  let busy: Promise<void> | undefined;
  let again = false;
  let gathering: (() => void) | undefined;
  let stopTicking = (): void => {};
  let stopListening = (): void => {};

  const put = async (state: PresenceEntry['state']): Promise<number> => {
    try {
      const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(heartbeatMs)]);
      const revision = await bucket.use(signal, (open) => untilAborted(open.put(name, JSON.stringify(entryOf(state))), signal));
      reach.reached();
      return revision;
    } catch (error) {
      reach.interrupted();
      throw error;
    }
  };
  const entryOf = (state: PresenceEntry['state']): PresenceEntry => ({
    ...{ name, state, labels, ...snapshot() },
    heartbeat_seconds: heartbeatMs / 1000,
    time: new Date(clock.wallMs()).toISOString(),
  });
  const say = (): void => {
    // As soon as there is a link it is said anyway.
    if (!link.isUp()) return;
    if (busy !== undefined) {
      again = true;
      return;
    }
    busy = put('UP')
      .then(
        () => link.note('presence', ''),
        (error: unknown) => {
          // That the link is down is said already.
          if (link.isUp())
            link.note('presence', `the fleet does not see this agent: ${error instanceof Error ? error.message : String(error)}`);
        },
      )
      .finally(() => {
        busy = undefined;
        if (!again || ending.signal.aborted) return;
        again = false;
        say();
      });
  };
  return {
    start() {
      stopListening = link.onReached(() => {
        reach.interrupted();
        say();
      });
      stopTicking = clock.every(heartbeatMs, say);
      say();
    },
    changed() {
      gathering ??= clock.after(gatherMs, () => {
        gathering = undefined;
        say();
      });
    },
    say: () => put('UP'),
    reachedForMs: reach.forMs,
    async stop() {
      stopTicking();
      stopListening();
      gathering?.();
      // Where there is no link nothing is said, and nothing is waited for.
      if (!link.isUp()) ending.abort();
      await busy;
      if (link.isUp()) await put('LEFT').catch(() => {});
      ending.abort();
    },
  };
}
