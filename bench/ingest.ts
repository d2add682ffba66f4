/**
 * Durable ingest beside a grpc-js server that appends to a log with group commit: unary calls, batches on a stream, and
 * what the group commit is worth against a commit per event.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateEventRequest, PublishEventsRequest } from '../gen/ts/sboxagent/v1/event_service.ts';
import type { Bench } from './bench.ts';
import { type GrpcLink, openGrpc } from './clients/grpc.ts';
import { type Contender, pump, type Round } from './measure.ts';
import { openPublishing } from './publishing.ts';
import { sampleEvent } from './sample.ts';

const CALLERS = 64;
const BATCH = 100;
const IN_FLIGHT = 8;

interface Side {
  readonly name: string;
  readonly pid: number;
  readonly link: GrpcLink;
}

function createCalls({ name, pid, link }: Side, forMs: number, concurrency: number): Contender {
  const request = CreateEventRequest.encode(CreateEventRequest.create({ event: sampleEvent })).finish();
  const call = async (): Promise<number> => {
    await link.unary('/sboxagent.v1.EventService/CreateEvent', request);
    return 1;
  };
  return { name, pid, round: () => pump({ concurrency, forMs, call }) };
}

function streamed({ name, pid, link }: Side, forMs: number): Contender {
  const batch = PublishEventsRequest.encode(
    PublishEventsRequest.create({ events: Array.from({ length: BATCH }, () => sampleEvent) }),
  ).finish();
  const round = async (): Promise<Round> => {
    const stream = openPublishing(link);
    try {
      return await pump({ concurrency: IN_FLIGHT, forMs, call: () => stream.publish(batch, BATCH) });
    } finally {
      stream.close();
    }
  };
  return { name, pid, round };
}

export const ingest: Bench = async function* (lab) {
  const dir = mkdtempSync(join(tmpdir(), 'sboxagent-bench-'));
  lab.defer(() => rmSync(dir, { recursive: true, force: true }));
  const daemon = await lab.daemon();
  const peer = await lab.peer('grpc-log', { path: join(dir, 'events.log') });
  const each = await lab.peer('sqlite-each', { path: join(dir, 'each.db') });
  const [link, peerLink] = [await openGrpc(daemon.port, daemon.token()), await openGrpc(peer.port)];
  lab.defer(() => link.close());
  lab.defer(() => peerLink.close());
  const ours: Side = { name: 'sboxagent', pid: daemon.pid(), link };
  const theirs: Side = { name: 'grpc-js + append log', pid: peer.pid, link: peerLink };
  const common = { unit: 'events/s', per: 'event' };
  const { roundMs } = lab;
  const load = `CreateEvent, ${CALLERS} callers`;
  yield {
    ...common,
    title: 'durable ingest, unary',
    load,
    ours: createCalls(ours, roundMs, CALLERS),
    peer: createCalls(theirs, roundMs, CALLERS),
  };

  const batches = `PublishEvents, batches of ${BATCH}, ${IN_FLIGHT} in flight`;
  const stream = streamed(ours, roundMs);
  yield { ...common, title: 'durable ingest, stream', load: batches, ours: stream, peer: streamed(theirs, roundMs) };

  const oneByOne = { ...createCalls(ours, roundMs, 1), name: 'sboxagent, 1 caller' };
  const grouped = { ...createCalls(ours, roundMs, CALLERS), name: `sboxagent, ${CALLERS} callers` };
  yield {
    ...common,
    title: 'group commit, unary',
    load: 'many callers share a commit, one has a commit per event',
    ours: grouped,
    peer: oneByOne,
  };

  const alone: Contender = {
    name: 'SQLite alone, commit each',
    pid: each.pid,
    round: async () => (await each.ask({ forMs: roundMs })) as Round,
  };
  yield {
    ...common,
    title: 'group commit, stream',
    load: 'beside inserts with a commit each, without any server',
    ours: stream,
    peer: alone,
  };
};
