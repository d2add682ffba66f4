/** Watchers that only count, on either side of the fan-out, and the wait until all of them have seen as much as they should. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { WatchEventsRequest } from '../gen/ts/sboxagent/v1/event_service.ts';
import { type GrpcLink, openGrpc } from './clients/grpc.ts';
import { fieldCounts } from './clients/skim.ts';

const PATIENCE_MS = 60_000;

export interface Audience {
  /** Resolves when `deliveries` more than before have come in all; rejects when a watcher is lost or it takes a minute. */
  expect(deliveries: number): Promise<void>;
  close(): void;
}

interface Counter {
  add(count: number): void;
  fail(error: Error): void;
  expect(deliveries: number): Promise<void>;
}

function makeCounter(): Counter {
  let seen = 0;
  let failure: Error | undefined;
  let waiting: { target: number; resolve(): void; reject(error: Error): void } | undefined;
  const settle = (): void => {
    if (waiting === undefined) return;
    if (failure !== undefined) waiting.reject(failure);
    else if (seen >= waiting.target) waiting.resolve();
  };
  return {
    add(count) {
      seen += count;
      settle();
    },
    fail(error) {
      failure ??= error;
      settle();
    },
    expect(deliveries) {
      const target = seen + deliveries;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting = { target, resolve, reject };
      settle();
      const late = setTimeout(() => reject(new Error(`${target - seen} of ${deliveries} deliveries did not come`)), PATIENCE_MS);
      return promise.finally(() => clearTimeout(late));
    },
  };
}

/** One watch; resolves with its first message, which says that it is live. */
function watch(link: GrpcLink, request: Uint8Array, counter: Counter): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = link.stream('/sboxagent.v1.EventService/WatchEvents', {
      message(body) {
        const counts = fieldCounts(body);
        if (counts.has(3)) counter.fail(new Error('a watcher was given a gap'));
        counter.add(counts.get(1) ?? 0);
        resolve();
      },
      failed(error) {
        counter.fail(error);
        reject(error);
      },
    });
    stream.send(request);
    stream.end();
  });
}

export interface Where {
  readonly port: number;
  readonly token: string;
  /** Streams that share a connection; 1 gives each watcher one of its own. */
  readonly perConnection: number;
}

export async function watchers(count: number, where: Where): Promise<Audience> {
  const counter = makeCounter();
  const request = WatchEventsRequest.encode(WatchEventsRequest.create({ filter: { types: ['bench.*'] } })).finish();
  const links: GrpcLink[] = [];
  for (let begun = 0; begun < count; begun += where.perConnection) {
    const link = await openGrpc(where.port, where.token);
    links.push(link);
    await Promise.all(Array.from({ length: Math.min(where.perConnection, count - begun) }, () => watch(link, request, counter)));
  }
  let open = true;
  return {
    expect: counter.expect,
    close() {
      if (open) for (const link of links) link.close();
      open = false;
    },
  };
}

export async function sockets(count: number, port: number): Promise<Audience> {
  const counter = makeCounter();
  const all: WebSocket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    socket.on('message', () => counter.add(1));
    socket.on('error', (error: Error) => counter.fail(error));
    all.push(socket);
    await once(socket, 'open');
  }
  return {
    expect: counter.expect,
    close() {
      for (const socket of all) socket.terminate();
    },
  };
}
