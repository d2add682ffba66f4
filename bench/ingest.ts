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
import type { Peer } from './lab.ts';
import { type Comparison, type Contender, pump, type Round } from './measure.ts';
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

interface Stream {
  /** Events of one message. */
  readonly batch: number;
  readonly inFlight: number;
  readonly forMs: number;
}

function streamed({ name, pid, link }: Side, { batch, inFlight, forMs }: Stream): Contender {
  const events = Array.from({ length: batch }, () => sampleEvent);
  const request = PublishEventsRequest.encode(PublishEventsRequest.create({ events })).finish();
  const round = async (): Promise<Round> => {
    const stream = openPublishing(link);
    try {
      return await pump({ concurrency: inFlight, forMs, call: () => stream.publish(request, batch) });
    } finally {
      stream.close();
    }
  };
  return { name, pid, round };
}

/** The group commit against a commit per event: the same daemon on both sides, and at last SQLite with nothing around it. */
function* groupCommits(ours: Side, each: Peer, forMs: number): Generator<Comparison> {
  const common = { unit: 'events/s', per: 'event', load: 'beside a commit per event' };
  const named = (name: string, contender: Contender): Contender => ({ ...contender, name });
  const single = named('1 event in flight', streamed(ours, { batch: 1, inFlight: 1, forMs }));
  const many = named(`${CALLERS} single events in flight`, streamed(ours, { batch: 1, inFlight: CALLERS, forMs }));
  const batches = named(`batches of ${BATCH}`, streamed(ours, { batch: BATCH, inFlight: IN_FLIGHT, forMs }));
  const oneCaller = named('1 caller', createCalls(ours, forMs, 1));
  const callers = named(`${CALLERS} callers`, createCalls(ours, forMs, CALLERS));
  const alone: Contender = { name: 'SQLite alone, commit each', pid: each.pid, round: async () => (await each.ask({ forMs })) as Round };
  yield { ...common, title: 'group commit, unary', ours: callers, peer: oneCaller };
  yield { ...common, title: 'group commit, stream of single events', ours: many, peer: single };
  yield { ...common, title: 'group commit, stream of batches', ours: batches, peer: single };
  yield { ...common, title: 'group commit and SQLite alone', ours: batches, peer: alone };
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
  const stream = { batch: BATCH, inFlight: IN_FLIGHT, forMs: roundMs };
  yield { ...common, title: 'durable ingest, stream', load: batches, ours: streamed(ours, stream), peer: streamed(theirs, stream) };
  yield* groupCommits(ours, each, roundMs);
};
