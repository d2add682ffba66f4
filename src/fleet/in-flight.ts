/** A place up to which everything is in the stream. */
export interface Place {
  readonly revision: number;
  /** Of the stream; 0 = none yet. */
  readonly sequence: number;
}

/** What was sent and is not acknowledged yet, in the order of its revisions. Bounded in number and bytes: who has more waits. */
export interface InFlight {
  /** Resolves when so many bytes more may be sent. */
  room(bytes: number): Promise<void>;
  sent(revision: number, bytes: number): void;
  /** It is in the stream. What lies before the oldest that is not is done, and `onDone` hears of it. */
  stored(revision: number, sequence: number): void;
  /** Resolves when nothing is in flight. */
  settled(): Promise<void>;
}

export interface InFlightLimits {
  readonly messages: number;
  readonly bytes: number;
}

interface Sent {
  readonly revision: number;
  readonly bytes: number;
  sequence: number | undefined;
}

export function createInFlight(limits: InFlightLimits, onDone: (place: Place) => void): InFlight {
  /** Oldest first: a Map keeps the order in which they were sent. */
  const all = new Map<number, Sent>();
  let bytes = 0;
  let highest = 0;
  let waiting: { readonly fits: () => boolean; readonly resolve: () => void } | undefined;

  const until = async (fits: () => boolean): Promise<void> => {
    if (fits()) return;
    await new Promise<void>((resolve) => {
      waiting = { fits, resolve };
    });
  };
  const wake = (): void => {
    if (waiting?.fits() !== true) return;
    const { resolve } = waiting;
    waiting = undefined;
    resolve();
  };
  return {
    // Something larger than all the room goes alone.
    room: (more) => until(() => all.size === 0 || (all.size < limits.messages && bytes + more <= limits.bytes)),
    sent(revision, size) {
      all.set(revision, { revision, bytes: size, sequence: undefined });
      bytes += size;
    },
    stored(revision, sequence) {
      const one = all.get(revision);
      if (one === undefined) return;
      one.sequence = sequence;
      let done: Sent | undefined;
      for (const oldest of all.values()) {
        if (oldest.sequence === undefined) break;
        all.delete(oldest.revision);
        bytes -= oldest.bytes;
        highest = Math.max(highest, oldest.sequence);
        done = oldest;
      }
      if (done !== undefined) onDone({ revision: done.revision, sequence: highest });
      wake();
    },
    settled: () => until(() => all.size === 0),
  };
}
