import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import type { Any } from '../../gen/ts/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../gen/ts/google/rpc/error_details.ts';
import { Status } from '../../gen/ts/google/rpc/status.ts';
import { AgentStatus } from '../../gen/ts/sboxagent/v1/agent.ts';
import { AgentServiceService } from '../../gen/ts/sboxagent/v1/agent_service.ts';
import { Event } from '../../gen/ts/sboxagent/v1/event.ts';
import {
  EventServiceService,
  ListEventsResponse,
  type WatchEventsRequest,
  WatchEventsResponse,
} from '../../gen/ts/sboxagent/v1/event_service.ts';
import { LogEntry } from '../../gen/ts/sboxagent/v1/log.ts';
import { ListLogsResponse, LogServiceService, type TailLogsRequest, TailLogsResponse } from '../../gen/ts/sboxagent/v1/log_service.ts';
import { Process } from '../../gen/ts/sboxagent/v1/process.ts';
import { ListProcessesResponse, ProcessServiceService } from '../../gen/ts/sboxagent/v1/process_service.ts';

type Detail = { readonly info?: string; readonly violations?: readonly [string, string][]; readonly retryMs?: number };

/** An error as the agent sends it, with its google.rpc.Status. */
export function refusal(code: status, message: string, { info, violations, retryMs }: Detail): Partial<StatusObject> {
  const details: Any[] = [];
  const add = (name: string, value: Uint8Array): void => {
    details.push({ type_url: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) });
  };
  if (info !== undefined) add('ErrorInfo', ErrorInfo.encode({ reason: info, domain: 'sboxagent', metadata: {} }).finish());
  if (violations !== undefined) {
    const fields = violations.map(([field, description]) => ({ field, description }));
    add('BadRequest', BadRequest.encode(BadRequest.fromPartial({ field_violations: fields })).finish());
  }
  if (retryMs !== undefined) {
    add(
      'RetryInfo',
      RetryInfo.encode({ retry_delay: { seconds: String(Math.floor(retryMs / 1000)), nanos: (retryMs % 1000) * 1e6 } }).finish(),
    );
  }
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(Status.encode({ code, message, details }).finish()));
  return { code, details: message, metadata };
}

type Unary<Q, R> = (call: ServerUnaryCall<Q, R>, callback: sendUnaryData<R>) => void;

/** A small agent over the stubs of the independent stack: what the client is tested against. Its events and lines outlive a restart. */
export class FakeAgent {
  readonly dir = mkdtempSync(join(tmpdir(), 'sboxagent-cli-'));
  readonly socket = join(this.dir, 'api.sock');
  readonly processes = new Map<string, Process>();
  readonly events: Event[] = [];
  readonly lines: LogEntry[] = [];
  /** Metadata `authorization` of the calls, in order. */
  readonly tokens: string[] = [];
  readonly watchRequests: WatchEventsRequest[] = [];
  readonly tailRequests: TailLogsRequest[] = [];
  /** First revision kept. */
  firstRevision = 1;
  port = 0;
  #server: Server | undefined;
  #wake: (() => void)[] = [];

  get at(): readonly string[] {
    return ['--target', `unix:${this.socket}`];
  }

  addProcess(partial: Parameters<typeof Process.fromPartial>[0]): void {
    const process = Process.fromPartial(partial);
    this.processes.set(process.id, process);
  }

  addEvent(partial: Parameters<typeof Event.fromPartial>[0]): void {
    const revision = String(this.events.length + 1);
    this.events.push(Event.fromPartial({ id: `e${revision}`, time: '2026-01-02T03:04:05.006Z', severity: 'INFO', ...partial, revision }));
    this.#tell();
  }

  addLine(source: string, message: string): void {
    const cursor = String(this.lines.length + 1);
    this.lines.push(LogEntry.fromPartial({ cursor, source, message, level: 'INFO', stream: 'STDOUT', time: '2026-01-02T03:04:05.006Z' }));
    this.#tell();
  }

  #tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async start(credentials: ServerCredentials = ServerCredentials.createInsecure()): Promise<void> {
    const server = new Server();
    this.#addServices(server);
    const bind = (address: string): Promise<number> =>
      new Promise((resolve, reject) =>
        server.bindAsync(address, credentials, (error, port) => (error === null ? resolve(port) : reject(error))),
      );
    await bind(`unix:${this.socket}`);
    this.port = await bind('127.0.0.1:0');
    this.#server = server;
  }

  /** As a daemon that is killed: connections break, the socket goes. */
  kill(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#tell();
    rmSync(this.socket, { force: true });
  }

  stop(): void {
    this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #addServices(server: Server): void {
    const none: Unary<never, never> = (_call, callback) => callback({ code: status.UNIMPLEMENTED, details: 'not here' });
    server.addService(AgentServiceService, {
      getHealth: this.#unary(() => {
        const component = { since: undefined, data: undefined };
        const components = [
          { ...component, name: 'config', status: 'DEGRADED' as const, message: 'agent.yaml:7 is not fit' },
          { ...component, name: 'journal', status: 'HEALTHY' as const, message: '' },
        ];
        return { status: 'DEGRADED' as const, components, time: undefined };
      }),
      getStatus: this.#unary(() =>
        AgentStatus.fromPartial({
          name: 'fake',
          version: '1.2.3',
          pid: 7,
          uptime: { seconds: '61', nanos: 500_000_000 },
          health: 'DEGRADED',
          journal: { first_revision: '1', last_revision: String(this.events.length), count: this.events.length, bytes: 100 },
        }),
      ),
    });
    server.addService(ProcessServiceService, {
      startProcess: this.#unary(({ id }: { id: string }) => {
        const found = this.#process(id);
        if (found.pid !== 0) throw refusal(status.ALREADY_EXISTS, `process "${id}" runs already`, { info: 'PROCESS_ALREADY_RUNNING' });
        return { ...found, state: 'RUNNING', pid: 42 };
      }),
      stopProcess: this.#unary(({ id, grace }: { id: string; grace?: { seconds: string; nanos: number } | undefined }) => ({
        ...this.#process(id),
        state: 'STOPPED',
        message: grace === undefined ? 'no grace' : `grace ${grace.seconds} s ${grace.nanos} ns`,
      })),
      restartProcess: this.#unary(({ id, force }: { id: string; force: boolean }) => ({
        ...this.#process(id),
        message: `forced: ${force}`,
      })),
      reloadProcess: this.#unary(({ id, force }: { id: string; force: boolean }) => ({
        ...this.#process(id),
        message: `forced: ${force}`,
      })),
      getProcess: this.#unary(({ id }: { id: string }) => this.#process(id)),
      listProcesses: this.#unary(({ page_token }: { page_token: string }) => {
        // Pages of two, whatever was asked for.
        const all = [...this.processes.values()];
        const from = Number(page_token || 0);
        const next_page_token = from + 2 < all.length ? String(from + 2) : '';
        return ListProcessesResponse.fromPartial({ processes: all.slice(from, from + 2), next_page_token });
      }),
      watchProcesses: none as never,
    });
    server.addService(EventServiceService, {
      createEvent: this.#unary(({ event }: { event: Event | undefined }) => {
        if (event === undefined || event.type === '') {
          throw refusal(status.INVALID_ARGUMENT, 'the request is not valid', {
            info: 'INVALID_REQUEST',
            violations: [['event.type', 'is missing']],
          });
        }
        this.addEvent(event);
        return this.events.at(-1);
      }),
      batchCreateEvents: this.#unary(() => {
        throw refusal(status.RESOURCE_EXHAUSTED, 'too many requests', { info: 'RATE_LIMITED', retryMs: 1500 });
      }),
      publishEvents: none as never,
      getEvent: none as never,
      listEvents: this.#unary(
        (request: { filter: { types: string[] } | undefined; order_by: string; page_size: number; page_token: string }) => {
          const found = this.events.filter((e) => matches(e, request.filter?.types ?? []));
          if (request.order_by !== 'revision') found.reverse();
          const from = Number(request.page_token || 0);
          const size = request.page_size || 100;
          return ListEventsResponse.fromPartial({
            events: found.slice(from, from + size),
            next_page_token: from + size < found.length ? String(from + size) : '',
          });
        },
      ),
      watchEvents: (call: ServerWritableStream<WatchEventsRequest, WatchEventsResponse>) => void this.#watch(call),
    });
    server.addService(LogServiceService, {
      listLogs: this.#unary((request: { filter: { sources: string[] } | undefined; page_size: number; page_token: string }) => {
        const sources = request.filter?.sources ?? [];
        const found = this.lines.filter((e) => sources.length === 0 || sources.includes(e.source)).reverse();
        const from = Number(request.page_token || 0);
        const size = Math.min(3, request.page_size);
        return ListLogsResponse.fromPartial({
          entries: found.slice(from, from + size),
          next_page_token: from + size < found.length ? String(from + size) : '',
        });
      }),
      tailLogs: (call: ServerWritableStream<TailLogsRequest, TailLogsResponse>) => void this.#tail(call),
    });
  }

  #unary<Q, R>(answer: (request: Q) => R): Unary<Q, never> {
    return (call, callback) => {
      this.tokens.push(String(call.metadata.get('authorization')[0] ?? ''));
      try {
        callback(null, answer(call.request) as never);
      } catch (error) {
        callback(error as Partial<StatusObject>);
      }
    };
  }

  #process(id: string): Process {
    const found = this.processes.get(id);
    if (found === undefined) throw refusal(status.NOT_FOUND, `there is no process "${id}"`, { info: 'PROCESS_NOT_FOUND' });
    return found;
  }

  async #watch(call: ServerWritableStream<WatchEventsRequest, WatchEventsResponse>): Promise<void> {
    const { after_revision, filter } = call.request;
    this.watchRequests.push(call.request);
    let at = after_revision === undefined ? this.events.length : Number(after_revision);
    if (at > 0 && at < this.firstRevision - 1) {
      call.emit(
        'error',
        refusal(status.OUT_OF_RANGE, `revision ${at} is gone; the first kept is ${this.firstRevision}`, { info: 'REVISION_COMPACTED' }),
      );
      return;
    }
    call.write(WatchEventsResponse.fromPartial({ progress: { revision: String(at) }, revision: String(at) }));
    while (this.#server !== undefined && !call.cancelled) {
      const batch = this.events.slice(at, at + 2);
      at += batch.length;
      const events = batch.filter((e) => matches(e, filter?.types ?? []));
      if (events.length > 0) call.write(WatchEventsResponse.fromPartial({ events, revision: String(at) }));
      else if (batch.length > 0) call.write(WatchEventsResponse.fromPartial({ progress: { revision: String(at) }, revision: String(at) }));
      if (at >= this.events.length) await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async #tail(call: ServerWritableStream<TailLogsRequest, TailLogsResponse>): Promise<void> {
    const { after_cursor, lines, filter } = call.request;
    this.tailRequests.push(call.request);
    let at = after_cursor === '' ? Math.max(0, this.lines.length - (lines ?? 10)) : Number(after_cursor);
    call.write(TailLogsResponse.fromPartial({ cursor: String(at) }));
    while (this.#server !== undefined && !call.cancelled) {
      const sources = filter?.sources ?? [];
      const batch = this.lines.slice(at);
      at += batch.length;
      const entries = batch.filter((e) => sources.length === 0 || sources.includes(e.source));
      if (batch.length > 0) call.write(TailLogsResponse.fromPartial({ entries, cursor: String(at) }));
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}

/** Enough of the globs for the tests: a whole type, or `prefix.**`. */
function matches({ type }: Event, types: readonly string[]): boolean {
  return types.length === 0 || types.some((glob) => type === glob || (glob.endsWith('.**') && type.startsWith(glob.slice(0, -2))));
}
