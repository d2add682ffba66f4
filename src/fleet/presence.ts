import { Kvm } from '@nats-io/kv';
import type { Clock } from '../kernel/clock.ts';
import type { FleetSettings } from '../settings/types.ts';
import type { Link } from './link.ts';
import type { Subjects } from './subjects.ts';

/** How an agent is, as its entry says it; JSON. */
export interface PresenceEntry {
  readonly name: string;
  /** `LEFT`: it ended on purpose. */
  readonly state: 'UP' | 'LEFT';
  readonly version: string;
  readonly health: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly units: readonly { readonly id: string; readonly state: string }[];
  /** Newest revision of its journal, and of what the fleet has of it. */
  readonly last_revision: number;
  readonly forwarded_revision: number;
  readonly heartbeat_seconds: number;
  readonly time: string;
}

export interface PresenceOptions {
  readonly settings: FleetSettings;
  readonly subjects: Subjects;
  readonly link: Link;
  readonly snapshot: () => Pick<PresenceEntry, 'version' | 'health' | 'units' | 'last_revision' | 'forwarded_revision'>;
  readonly clock: Clock;
}

/** Says in the bucket that the agent is there and how it is: at every heartbeat, and at once when that changes. */
export function createPresence({ settings, subjects, link, snapshot, clock }: PresenceOptions): {
  start(): void;
  changed(): void;
  stop(): Promise<void>;
} {
  const { name, labels, heartbeatMs } = settings;
  const ending = new AbortController();
  let busy: Promise<void> | undefined;
  let again = false;
  let stopTicking = (): void => {};

  const put = async (state: PresenceEntry['state']): Promise<void> => {
    const connection = await link.connected(AbortSignal.any([ending.signal, AbortSignal.timeout(heartbeatMs)]));
    const bucket = await new Kvm(connection).create(subjects.presence, { history: 1 });
    const entry: PresenceEntry = {
      ...{ name, state, labels, ...snapshot() },
      heartbeat_seconds: heartbeatMs / 1000,
      time: new Date(clock.wallMs()).toISOString(),
    };
    await bucket.put(name, JSON.stringify(entry));
  };
  const say = (): void => {
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
      stopTicking = clock.every(heartbeatMs, say);
      say();
    },
    changed: say,
    async stop() {
      stopTicking();
      // Where there is no link nothing is said, and nothing is waited for.
      if (!link.isUp()) ending.abort();
      await busy;
      if (link.isUp()) await put('LEFT').catch(() => {});
      ending.abort();
    },
  };
}
