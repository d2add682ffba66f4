/**
 * Published events to 100 and to 1,000 watchers with a connection each, beside a broadcast over ws, and to 1,000 on ten connections,
 * beside one over grpc-js. Ours are on the disk before a watcher sees them and each watcher has a filter and a cursor; the broadcasts
 * forward and keep nothing.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { CreateEventRequest } from '../gen/ts/sboxagent/v1/event_service.ts';
import { type Audience, sockets, watchers } from './audience.ts';
import type { Bench } from './bench.ts';
import { type GrpcLink, openGrpc } from './clients/grpc.ts';
import type { Lab } from './lab.ts';
import { type Comparison, repeat } from './measure.ts';
import { sampleEvent } from './sample.ts';

const DELIVERIES = 20_000;
const SINGLES = 20;
const PER_CONNECTION = 100;

export interface Stage {
  readonly name: string;
  readonly pid: number;
  readonly audience: Audience;
  /** Hands one event in. */
  publish(): Promise<unknown>;
}

/** One publishes a burst, or single events with a wait for all watchers between them. */
export function comparisons(title: string, count: number, stages: { readonly ours: Stage; readonly peer: Stage }): Comparison[] {
  const events = DELIVERIES / count;
  const burst = async ({ audience, publish }: Stage) => {
    const start = performance.now();
    const all = audience.expect(DELIVERIES);
    await Promise.all([all, ...Array.from({ length: events }, publish)]);
    return { value: (DELIVERIES * 1000) / (performance.now() - start), count: DELIVERIES };
  };
  const singles = async ({ audience, publish }: Stage) => {
    const once = async (): Promise<number> => {
      const start = performance.now();
      await Promise.all([audience.expect(count), publish()]);
      return performance.now() - start;
    };
    const { value } = await repeat(SINGLES, once);
    return { value, count: SINGLES * count };
  };
  const contenders = (round: typeof burst) => ({
    ours: { name: stages.ours.name, pid: stages.ours.pid, round: () => round(stages.ours) },
    peer: { name: stages.peer.name, pid: stages.peer.pid, round: () => round(stages.peer) },
  });
  const per = 'delivery';
  return [
    { title, unit: 'deliveries/s', per, load: `a burst of ${events} events`, ...contenders(burst) },
    { title: `${title}, one event`, unit: 'ms', per, load: 'publish until the last watcher has it', ...contenders(singles) },
  ];
}

export function publisher(link: GrpcLink): () => Promise<unknown> {
  const request = CreateEventRequest.encode(CreateEventRequest.create({ event: sampleEvent })).finish();
  return () => link.unary('/sboxagent.v1.EventService/CreateEvent', request);
}

async function broadcast(lab: Lab, count: number, token: string): Promise<Stage> {
  const peer = await lab.peer('grpc-broadcast');
  const link = await openGrpc(peer.port, token);
  lab.defer(() => link.close());
  const audience = await watchers(count, { port: peer.port, token, perConnection: PER_CONNECTION });
  lab.defer(audience.close);
  return { name: 'grpc-js broadcast', pid: peer.pid, audience, publish: publisher(link) };
}

export const fanout: Bench = async function* (lab) {
  const daemon = await lab.daemon();
  const token = daemon.token();
  const link = await openGrpc(daemon.port, token);
  lab.defer(() => link.close());
  const ours = (audience: Audience): Stage => ({ name: 'sboxagent', pid: daemon.pid(), audience, publish: publisher(link) });
  const peer = await lab.peer('ws-broadcast');
  const sender = new WebSocket(`ws://127.0.0.1:${peer.port}`, { perMessageDeflate: false });
  lab.defer(() => sender.terminate());
  await once(sender, 'open');
  const text = JSON.stringify(sampleEvent);

  for (const count of [100, 1000]) {
    const audience = await watchers(count, { port: daemon.port, token, perConnection: 1 });
    lab.defer(audience.close);
    const crowd = await sockets(count, peer.port);
    lab.defer(crowd.close);
    const theirs: Stage = { name: 'ws broadcast', pid: peer.pid, audience: crowd, publish: async () => sender.send(text) };
    yield* comparisons(`fan-out to ${count}, a connection each`, count, { ours: ours(audience), peer: theirs });
    audience.close();
    crowd.close();
  }
  const audience = await watchers(1000, { port: daemon.port, token, perConnection: PER_CONNECTION });
  lab.defer(audience.close);
  yield* comparisons('fan-out to 1000 on 10 connections', 1000, { ours: ours(audience), peer: await broadcast(lab, 1000, token) });
};
