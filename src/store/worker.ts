/**
 * Entry of the store's two threads. The writer drains what waits on its port into one group and commits it; the reader
 * answers on a connection that can only read, which the writer has too for the time without one. Neither ever blocks the event loop
 * of the agent.
 */

import type { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { systemClock } from '../kernel/clock.ts';
import { collectGarbage } from '../kernel/collect.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import { procedures as ageing } from './ageing-procedures.ts';
import { openReader } from './database.ts';
import { type Call, type FromWorker, type Result, type ToWorker, toFailure, type WorkerOptions } from './messages.ts';
import { procedures as metricHistory } from './metric-history-procedures.ts';
import { procedures as requests } from './request-procedures.ts';
import { procedures as totals } from './totals-procedures.ts';
import type { ProcedureModule, Procedures } from './types.ts';
import { Writer } from './writer.ts';

/** A larger commit saves nothing more, and who waits for it waits longer. */
const groupRecords = 1024;
const gatherMs = 5;

/** What the store itself keeps in the database. */
const own: Procedures = { ageing, metric_history: metricHistory, requests, totals };

async function loadModules(url: string): Promise<ReadonlyMap<string, ProcedureModule>> {
  const { rooms }: { readonly rooms: Procedures } = await import(url);
  return new Map(Object.entries({ ...rooms, ...own }));
}

function serveWriter(port: MessagePort, options: WorkerOptions, modules: ReadonlyMap<string, ProcedureModule>): void {
  const writer = new Writer({ ...options, modules, wallMs: systemClock.wallMs });
  const { answer, close } = createAnswers(options, modules);
  const waiting: Call[] = [];
  let reported = writer.trouble;
  const reportTrouble = (): void => {
    if (writer.trouble === reported) return;
    reported = writer.trouble;
    post(port, { kind: 'trouble', trouble: reported });
  };
  let stopping = false;
  const take = (message: ToWorker): void => {
    if (message.kind === 'calls') waiting.push(...message.calls);
    else if (message.kind === 'probe') writer.probe();
    else if (message.kind === 'collect') {
      writer.shrink();
      collectGarbage();
    } else stopping = true;
  };
  port.on('message', (message: ToWorker) => {
    take(message);
    do {
      gather(port, take, () => waiting.reduce((sum, call) => sum + call.records, 0));
      const group = nextGroup(waiting);
      const writes = group.filter(({ kind }) => kind === 'write');
      const results = writes.length > 0 ? writer.run(writes) : [];
      reportTrouble();
      if (results.length > 0) post(port, { kind: 'results', results });
      for (const call of group) if (call.kind === 'read') post(port, { kind: 'results', results: [answer(call)] });
    } while (waiting.length > 0);
    if (!stopping) return;
    close();
    writer.stop();
    port.close();
  });
  post(port, { kind: 'ready', quarantined: writer.quarantined });
}

/** Takes what is there, without waiting for more: an idle writer commits at once, a busy one finds a full group. */
function gather(port: MessagePort, take: (message: ToWorker) => void, records: () => number): void {
  const until = systemClock.monotonicMs() + gatherMs;
  while (records() < groupRecords && systemClock.monotonicMs() < until) {
    const next = receiveMessageOnPort(port);
    if (!next) return;
    take(next.message);
  }
}

function nextGroup(waiting: Call[]): readonly Call[] {
  let records = 0;
  let end = 0;
  for (const call of waiting) {
    if (end > 0 && records + call.records > groupRecords) break;
    records += call.records;
    end += 1;
  }
  return waiting.splice(0, end);
}

/** Answers reads on a connection that can only read, opened with the first. */
function createAnswers(options: WorkerOptions, modules: ReadonlyMap<string, ProcedureModule>) {
  let opened: DatabaseSync | undefined;
  return {
    answer({ n, room, name, args }: Call): Result {
      const procedure = modules.get(room)?.reads[name];
      if (!procedure) return { n, failure: toFailure(new AgentError('INTERNAL', `no read procedure ${room}.${name}`)) };
      try {
        opened ??= openReader(options);
        opened.exec('BEGIN');
        return { n, value: procedure(opened, args as never) };
      } catch (error) {
        return { n, failure: toFailure(error) };
      } finally {
        if (opened?.isTransaction) opened.exec('ROLLBACK');
      }
    },
    close: () => opened?.close(),
  };
}

function serveReader(port: MessagePort, options: WorkerOptions, modules: ReadonlyMap<string, ProcedureModule>): void {
  const { answer, close } = createAnswers(options, modules);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'calls') for (const call of message.calls) post(port, { kind: 'results', results: [answer(call)] });
    if (message.kind !== 'stop') return;
    close();
    port.close();
  });
  post(port, { kind: 'ready', quarantined: undefined });
}

function post(port: MessagePort, message: FromWorker): void {
  port.postMessage(message);
}

/** Opens the database and serves what comes in; tells why when it cannot. */
async function serve(port: MessagePort, options: WorkerOptions): Promise<void> {
  try {
    const modules = await loadModules(options.procedures);
    (options.role === 'writer' ? serveWriter : serveReader)(port, options, modules);
  } catch (error) {
    const reason =
      error instanceof RefusedError ? error.message : `${options.path} cannot be opened: ${error instanceof Error ? error.message : error}`;
    post(port, { kind: 'refused', message: reason });
    port.close();
  }
}

const port = parentPort;
if (port && workerData === null) port.once('message', (options: WorkerOptions) => void serve(port, options));
else if (port) void serve(port, workerData);
