import { type FreshEvent, storedEvent } from './record.ts';
import type { Receipt, StoredEvent } from './types.ts';

/** Of an event that was not stored before. The journal's own object of it is made when somebody asks. */
export class FreshReceipt implements Receipt {
  readonly duplicate = false;
  readonly revision: number;
  readonly bytes: number;
  readonly fresh: FreshEvent;
  made: StoredEvent | undefined = undefined;

  constructor(revision: number, bytes: number, fresh: FreshEvent) {
    this.revision = revision;
    this.bytes = bytes;
    this.fresh = fresh;
  }

  get id(): string {
    return this.fresh.id;
  }

  get type(): string {
    return this.fresh.type;
  }

  get source(): string {
    return this.fresh.source;
  }

  get attributes(): Readonly<Record<string, string>> {
    return this.fresh.attributes;
  }

  get event(): StoredEvent {
    this.made ??= storedEvent(this.revision, this.fresh);
    return this.made;
  }

  mentions(key: string): boolean {
    const { data, dataText } = this.fresh;
    return dataText === undefined ? data !== undefined : dataText.keys.includes(key);
  }
}

/** Of an event that is there already. */
export function receiptOf(event: StoredEvent, { duplicate, bytes }: Pick<Receipt, 'duplicate' | 'bytes'>): Receipt {
  const { revision, id, type, source, attributes } = event;
  return { revision, id, type, source, attributes, event, duplicate, bytes, mentions: () => event.data !== undefined };
}
