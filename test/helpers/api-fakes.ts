/** The rooms behind the API, in memory: small, honest implementations of their interfaces. */

import type { ApiDeps, HealthSnapshot, RequestMemory } from '../../src/api/index.ts';
import type { Audit, AuditCall, AuditResult, BegunEntry } from '../../src/audit/types.ts';
import { ingest } from '../../src/events/ingest.ts';
import { receiptOf } from '../../src/events/receipt.ts';
import type {
  EventFilter,
  Journal,
  NewEvent,
  PublishContext,
  PublishObserver,
  Receipt,
  StoredEvent,
  WatchItem,
  WatchOptions,
} from '../../src/events/types.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { AgentError } from '../../src/kernel/errors.ts';
import { type Feed, type FeedCodec, type FeedSink, pullFeed } from '../../src/kernel/feed.ts';
import type { LogEntry, Logs, TailItem } from '../../src/logs/types.ts';
import type { ProcessChange, ProcessView, Supervisor } from '../../src/processes/types.ts';

export class Notifier<T> {
  readonly #fns = new Set<(value: T) => void>();
  on(fn: (value: T) => void): () => void {
    this.#fns.add(fn);
    return () => this.#fns.delete(fn);
  }
  tell(value: T): void {
    for (const fn of this.#fns) fn(value);
  }
  get size(): number {
    return this.#fns.size;
  }
}

export function storedEvent(revision: number, event: Partial<StoredEvent> = {}): StoredEvent {
  return {
    revision,
    id: `e${revision}`,
    type: 'test.made',
    source: 'fake',
    subject: '',
    severity: 'INFO',
    priority: 50,
    time: { seconds: 1_700_000_000, nanos: 123_456_789 },
    ingestTime: { seconds: 1_700_000_001, nanos: 0 },
    traceId: '',
    spanId: '',
    correlationId: '',
    data: undefined,
    attributes: {},
    redacted: [],
    ...event,
  };
}

function keeps(filter: EventFilter | undefined, event: StoredEvent): boolean {
  return filter?.sources === undefined || filter.sources.length === 0 || filter.sources.includes(event.source);
}

/** Gives items to a sink as a feed may: nothing while it is full. */
function patientSink<Item, Frame>(codec: FeedCodec<Item, Frame>, sink: FeedSink<Frame>): { give(item: Item): void; resume(): void } {
  const waiting: Item[] = [];
  let full = false;
  const drain = (): void => {
    while (!full) {
      const item = waiting.shift();
      if (item === undefined) return;
      full = !sink.write(codec.encode(item));
    }
  };
  return {
    give(item) {
      waiting.push(item);
      drain();
    },
    resume() {
      full = false;
      drain();
    },
  };
}

export class FakeJournal implements Journal {
  readonly events: StoredEvent[] = [];
  readonly batches = new Notifier<readonly StoredEvent[]>();
  readonly observers = new Set<PublishObserver>();
  readonly publishes: number[] = [];
  /** Revisions before this are gone. */
  firstKept = 1;
  delayMs = 0;
  /** Publishes that were waiting for `delayMs` together. */
  mostAtOnce = 0;
  #waiting = 0;

  async publish(events: readonly NewEvent[], context: PublishContext): Promise<readonly Receipt[]> {
    this.publishes.push(events.length);
    ingest(events, { context, clock: systemClock, redactor: undefined, stamp: () => undefined });
    if (this.delayMs > 0) {
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#waiting);
      await systemClock.sleep(this.delayMs);
      this.#waiting--;
    }
    const fresh: StoredEvent[] = [];
    const receipts = events.map((event): Receipt => {
      const source = event.source || context.source;
      const { dataText, ...rest } = event;
      const given = Object.entries({ ...rest, data: dataText?.value() ?? rest.data });
      const said = Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ''));
      const known = this.events.find((stored) => stored.id === event.id && stored.source === source);
      if (known !== undefined) return receiptOf(known, { duplicate: true, bytes: 0 });
      const revision = this.events.length + 1;
      const stored = storedEvent(revision, { id: `made-${revision}`, ...said, source });
      this.events.push(stored);
      fresh.push(stored);
      return receiptOf(stored, { duplicate: false, bytes: 300 });
    });
    if (fresh.length > 0) this.batches.tell(fresh);
    for (const observer of this.observers) observer.stored(receipts, events);
    return receipts;
  }

  observe(observer: PublishObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  emit(): void {}

  async settled(): Promise<void> {}

  async get(id: string, source?: string): Promise<StoredEvent> {
    const found = this.events.findLast((event) => event.id === id && (source === undefined || event.source === source));
    if (found === undefined) throw new AgentError('EVENT_NOT_FOUND', `event ${id} is unknown`, { metadata: { id } });
    return found;
  }

  async list({ filter, order, pageSize, cursor }: Parameters<Journal['list']>[0]): ReturnType<Journal['list']> {
    const all = this.events.filter((event) => keeps(filter, event));
    const ordered = order === 'asc' ? all : all.toReversed();
    const rest = ordered.filter(({ revision }) => cursor === undefined || (order === 'asc' ? revision > cursor : revision < cursor));
    const events = rest.slice(0, pageSize);
    const last = events.at(-1);
    return { events, ...(events.length < rest.length && last !== undefined && { nextCursor: last.revision }) };
  }

  feed({ afterRevision, filter }: Omit<WatchOptions, 'signal'>): Feed<WatchItem> {
    return {
      join: (codec, sink) => {
        if (afterRevision !== undefined && afterRevision > 0 && afterRevision < this.firstKept - 1) {
          throw new AgentError('REVISION_COMPACTED', `the first revision kept is ${this.firstKept}`, {
            metadata: { first_revision: String(this.firstKept) },
          });
        }
        const missed = this.events.filter((event) => afterRevision !== undefined && event.revision > afterRevision && keeps(filter, event));
        const revision = this.events.length;
        const out = patientSink(codec, sink);
        out.give(missed.length > 0 ? { kind: 'events', events: missed, revision } : { kind: 'progress', revision });
        const leave = this.batches.on((batch) => {
          const events = filter === undefined ? batch : batch.filter((event) => keeps(filter, event));
          if (events.length > 0) out.give({ kind: 'events', events, revision: this.events.length });
        });
        const finish = (): void => {
          leave();
          sink.write(codec.encode({ kind: 'progress', revision: this.events.length }));
        };
        return { resume: out.resume, finish, leave };
      },
    };
  }

  watch({ signal, ...options }: WatchOptions): AsyncIterable<WatchItem> {
    return pullFeed(this.feed(options), signal);
  }

  stats(): ReturnType<Journal['stats']> {
    return { firstRevision: this.firstKept, lastRevision: this.events.length, count: this.events.length, bytes: 1 };
  }
  watchers(): number {
    return this.batches.size;
  }
  health(): ReturnType<Journal['health']> {
    return { status: 'HEALTHY', message: '', sinceMs: 0 };
  }
}

export function processView(id: string, view: Partial<ProcessView> = {}): ProcessView {
  return {
    id,
    engine: '',
    command: ['/bin/true'],
    configPath: '',
    configRevision: 0,
    inline: false,
    desired: 'DOWN',
    state: 'STOPPED',
    pid: 0,
    startTimeMs: undefined,
    restartCount: 0,
    restartsTotal: 0,
    nextStartTimeMs: undefined,
    reason: '',
    message: '',
    exit: undefined,
    dependsOn: [],
    etag: '1',
    ...view,
  };
}

export class FakeSupervisor implements Supervisor {
  readonly views = new Map<string, ProcessView>();
  readonly changes = new Notifier<ProcessChange>();

  set(view: ProcessView): ProcessView {
    this.views.set(view.id, view);
    this.changes.tell({ processes: [view], removedIds: [] });
    return view;
  }
  get(id: string): ProcessView {
    const view = this.views.get(id);
    if (view === undefined) throw new AgentError('PROCESS_NOT_FOUND', `process ${id} is unknown`, { metadata: { id } });
    return view;
  }
  async start(id: string): Promise<ProcessView> {
    const view = this.get(id);
    if (view.pid !== 0) throw new AgentError('PROCESS_ALREADY_RUNNING', `process ${id} is running`, { metadata: { id } });
    return this.set({ ...view, desired: 'UP', state: 'RUNNING', pid: 42 });
  }
  async stop(id: string): Promise<ProcessView> {
    return this.set({ ...this.get(id), desired: 'DOWN', state: 'STOPPED', pid: 0 });
  }
  async restart(id: string): Promise<ProcessView> {
    return this.set({ ...this.get(id), state: 'RUNNING', pid: 43 });
  }
  async reload(id: string): Promise<ProcessView> {
    return this.get(id);
  }
  async readConfigAgain(): Promise<'not_running'> {
    return 'not_running';
  }
  list(): readonly ProcessView[] {
    return [...this.views.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  async resources(): Promise<{ cpuUsageRatio: number; residentMemoryBytes: number; openFds: number; threads: number }> {
    return { cpuUsageRatio: 0.5, residentMemoryBytes: 1024, openFds: 3, threads: 1 };
  }
  onChange(fn: (change: ProcessChange) => void): () => void {
    return this.changes.on(fn);
  }
  health(): ReturnType<Supervisor['health']> {
    return { status: 'HEALTHY', message: '', sinceMs: 0 };
  }
}

export class FakeLogs implements Pick<Logs, 'list' | 'feed'> {
  readonly entries: LogEntry[] = [];
  readonly added = new Notifier<LogEntry>();

  add(message: string): void {
    const seq = this.entries.length + 1;
    const entry: LogEntry = {
      seq,
      timeMs: 1_700_000_000_000 + seq,
      source: 'agent',
      level: 'INFO',
      message,
      stream: 'STDOUT',
      pid: 1,
      traceId: '',
      spanId: '',
      fields: undefined,
      truncated: false,
      partial: false,
    };
    this.entries.push(entry);
    this.added.tell(entry);
  }
  async list({ pageSize, order }: Parameters<Logs['list']>[0]): ReturnType<Logs['list']> {
    return { entries: (order === 'asc' ? this.entries : this.entries.toReversed()).slice(0, pageSize) };
  }
  feed({ afterCursor, lines }: Parameters<Logs['feed']>[0]): Feed<TailItem> {
    return {
      join: (codec, sink) => {
        const out = patientSink(codec, sink);
        const backlog = afterCursor === undefined ? this.entries.slice(-lines) : this.entries.filter(({ seq }) => seq > afterCursor);
        out.give({ entries: backlog, cursor: backlog.at(-1)?.seq ?? 0 });
        const leave = this.added.on((entry) => out.give({ entries: [entry], cursor: entry.seq }));
        return { resume: out.resume, finish: leave, leave };
      },
    };
  }
}

export class FakeBoard {
  readonly changes = new Notifier<HealthSnapshot>();
  current: HealthSnapshot = {
    status: 'HEALTHY',
    components: [{ name: 'journal', status: 'HEALTHY', message: '', sinceMs: 0 }],
    timeMs: 1000,
  };
  snapshot(): HealthSnapshot {
    return this.current;
  }
  status(): HealthSnapshot['status'] {
    return this.current.status;
  }
  onChange(fn: (snapshot: HealthSnapshot) => void): () => void {
    return this.changes.on(fn);
  }
  become(status: HealthSnapshot['status']): void {
    this.current = { ...this.current, status, components: this.current.components.map((component) => ({ ...component, status })) };
    this.changes.tell(this.current);
  }
}

export class FakeRequests implements RequestMemory {
  readonly #known = new Map<string, { hash: string; bytes: Promise<Uint8Array> }>();
  async run(key: string, bodyHash: string, fn: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#known.get(key);
    if (known !== undefined && known.hash !== bodyHash) throw new AgentError('REQUEST_ID_REUSED', 'request_id was used already');
    if (known !== undefined) return known.bytes;
    const bytes = fn();
    this.#known.set(key, { hash: bodyHash, bytes });
    bytes.catch(() => this.#known.delete(key));
    return bytes;
  }
}

export interface Fakes {
  readonly journal: FakeJournal;
  readonly supervisor: FakeSupervisor;
  readonly logs: FakeLogs;
  readonly board: FakeBoard;
  readonly deps: ApiDeps;
}

/** A room that the tests with these fakes do not enter: whatever is called of it throws. */
function absent<T extends object>(room: string): T {
  const methods: ProxyHandler<T> = {
    get: (_, name) => () => {
      throw new Error(`${room}.${String(name)} is not faked`);
    },
  };
  return new Proxy({} as T, methods);
}

/** Takes every entry, and keeps what it was told. */
export class FakeAudit implements Audit {
  readonly begun: AuditCall[] = [];
  readonly ended: AuditResult[] = [];
  readonly refusals: { readonly call: AuditCall; readonly result: AuditResult }[] = [];
  /** What `begin` throws, while it is set. */
  failure: Error | undefined;
  async begin(call: AuditCall): Promise<BegunEntry> {
    if (this.failure !== undefined) throw this.failure;
    this.begun.push(call);
    return { finish: async (result) => void this.ended.push(result) };
  }
  refused(call: AuditCall, result: AuditResult): void {
    this.refusals.push({ call, result });
  }
  list(): ReturnType<Audit['list']> {
    return Promise.resolve({ entries: [], nextCursor: undefined });
  }
}

export function fakes(options: { readonly pingIntervalMs?: number; readonly messageBytes?: number } = {}): Fakes {
  const journal = new FakeJournal();
  const supervisor = new FakeSupervisor();
  const logs = new FakeLogs();
  const board = new FakeBoard();
  const deps: ApiDeps = {
    journal,
    supervisor,
    configs: absent('configs'),
    audit: new FakeAudit(),
    traces: absent('traces'),
    fleet: undefined,
    explain: (id) => Promise.reject(new Error(`explain ${id} is not faked`)),
    logs,
    health: board,
    status: () => ({
      name: 'fake',
      version: '0.0.0',
      commit: '',
      startTimeMs: 0,
      uptimeMs: 1500,
      pid: 1,
      listeners: [],
      configPaths: [],
      configEtag: 'x',
      plugins: 0,
      streams: 0,
      connections: 0,
    }),
    requests: new FakeRequests(),
    plugins: absent('plugins'),
    alerts: absent('alerts'),
    config: absent('config'),
    custom: absent('custom'),
    metrics: absent('metrics'),
    api: () => ({
      limits: {
        messageBytes: options.messageBytes ?? 65_536,
        jsonDepth: 32,
        connections: 10,
        streamsPerConnection: 10,
        concurrentUnary: 10,
        headerTimeoutMs: 1000,
        bodyTimeoutMs: 1000,
        idleTimeoutMs: 1000,
      },
      streams: { enabled: true, pingIntervalMs: options.pingIntervalMs ?? 30_000, pongTimeoutMs: 1000, maxConnections: 10 },
    }),
  };
  return { journal, supervisor, logs, board, deps };
}
