/**
 * What a growing journal costs its readers: a page, and a watcher that resumes a thousand events back, with 10 thousand and with a million
 * events kept; and what ten watchers that do not read cost a hundred that do.
 */
import { ListEventsRequest, ListEventsResponse, PublishEventsRequest, WatchEventsRequest } from '../gen/ts/sboxagent/v1/event_service.ts';
import type { Daemon } from '../test/helpers/daemon.ts';
import { watchers } from './audience.ts';
import type { Bench } from './bench.ts';
import { type GrpcLink, openGrpc } from './clients/grpc.ts';
import { fieldCounts } from './clients/skim.ts';
import { publisher } from './fanout.ts';
import type { Lab } from './lab.ts';
import { type Comparison, type Contender, repeat } from './measure.ts';
import { openPublishing } from './publishing.ts';
import { sampleEvent } from './sample.ts';

const FEW = 10_000;
/** In a long run; a tenth in a short one. */
const MANY = 1_000_000;
const BACK = 1000;
const BATCH = 100;
const IN_FLIGHT = 8;
const PAGES = 20;
const RESUMES = 10;
const SINGLES = 40;
const service = '/sboxagent.v1.EventService';

interface Journal {
  readonly name: string;
  readonly daemon: Daemon;
  readonly link: GrpcLink;
  readonly last: number;
}

async function fill(link: GrpcLink, count: number): Promise<void> {
  const events = Array.from({ length: BATCH }, () => sampleEvent);
  const request = PublishEventsRequest.encode(PublishEventsRequest.create({ events })).finish();
  const stream = openPublishing(link);
  let left = count / BATCH;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await stream.publish(request, BATCH);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  stream.close();
}

async function journal(lab: Lab, name: string, count: number): Promise<Journal> {
  const daemon = await lab.daemon({ events: { retention: { count: 2 * MANY, bytes: '2GiB' } } });
  const link = await openGrpc(daemon.port, daemon.token());
  lab.defer(() => link.close());
  await fill(link, count);
  const newest = ListEventsRequest.encode(ListEventsRequest.create({ page_size: 1 })).finish();
  const { events } = ListEventsResponse.decode(await link.unary(`${service}/ListEvents`, newest));
  return { name, daemon, link, last: Number(events[0]?.revision) };
}

/** The newest hundred. */
function pages({ name, daemon, link }: Journal): Contender {
  const request = ListEventsRequest.encode(
    ListEventsRequest.create({ page_size: 100, filter: { types: ['bench.*'], sources: ['bench'] } }),
  ).finish();
  const once = async (): Promise<number> => {
    const start = performance.now();
    const counts = fieldCounts(await link.unary(`${service}/ListEvents`, request));
    if (counts.get(1) !== 100) throw new Error(`a page of ${counts.get(1)}`);
    return performance.now() - start;
  };
  return { name, pid: daemon.pid(), round: () => repeat(PAGES, once) };
}

function resumes({ name, daemon, link, last }: Journal): Contender {
  const request = WatchEventsRequest.encode(WatchEventsRequest.create({ after_revision: String(last - BACK) })).finish();
  const once = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const start = performance.now();
      let seen = 0;
      const stream = link.stream(`${service}/WatchEvents`, {
        message(body) {
          seen += fieldCounts(body).get(1) ?? 0;
          if (seen < BACK) return;
          stream.cancel();
          resolve(performance.now() - start);
        },
        failed: reject,
      });
      stream.send(request);
      stream.end();
    });
  return { name, pid: daemon.pid(), round: () => repeat(RESUMES, once) };
}

/** p99 over the singles of a round: from the publishing of an event until all who read have it. */
async function* stalled(lab: Lab): AsyncGenerator<Comparison> {
  const daemon = await lab.daemon();
  const token = daemon.token();
  const link = await openGrpc(daemon.port, token);
  lab.defer(() => link.close());
  const publish = publisher(link);
  const readers = await watchers(100, { port: daemon.port, token, perConnection: 1 });
  lab.defer(readers.close);
  const round = async () => {
    const times: number[] = [];
    for (let i = 0; i < SINGLES; i++) {
      const start = performance.now();
      await Promise.all([readers.expect(100), publish()]);
      times.push(performance.now() - start);
    }
    return { value: times.toSorted((a, b) => a - b)[Math.ceil(SINGLES * 0.99) - 1] ?? Number.NaN, count: SINGLES };
  };
  const beside = async () => {
    const deaf = await openGrpc(daemon.port, token);
    const request = WatchEventsRequest.encode(WatchEventsRequest.create({ after_revision: '0' })).finish();
    const streams = Array.from({ length: 10 }, () => deaf.stream(`${service}/WatchEvents`, { message() {}, failed() {} }));
    for (const stream of streams) {
      stream.pause();
      stream.send(request);
      stream.end();
    }
    try {
      return await round();
    } finally {
      deaf.close();
    }
  };
  yield {
    title: '10 stalled of 110 watchers: p99 of the others',
    unit: 'ms',
    per: 'event',
    load: 'single events until the last reader has it',
    ours: { name: '10 do not read', pid: daemon.pid(), round: beside },
    peer: { name: 'all read', pid: daemon.pid(), round },
  };
}

export const growth: Bench = async function* (lab) {
  const few = await journal(lab, '10,000 events', FEW);
  const count = lab.long ? MANY : MANY / 10;
  const many = await journal(lab, `${count.toLocaleString('en')} events`, count);
  const common = { unit: 'ms', load: 'beside 10,000 events' };
  yield { ...common, title: 'a page of 100 of a large journal', per: 'page', ours: pages(many), peer: pages(few) };
  yield { ...common, title: 'resume 1,000 events back in a large journal', per: 'resume', ours: resumes(many), peer: resumes(few) };
  yield* stalled(lab);
};
