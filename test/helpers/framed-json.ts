/** A client of the framed JSON socket, independent of the agent's own code. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

export type Reply = Readonly<Record<string, unknown>> & {
  readonly id: unknown;
  readonly type: string;
  readonly response?: {
    readonly status: string;
    readonly request_id: unknown;
    readonly data?: Readonly<Record<string, unknown>>;
    readonly error?: { readonly code: string; readonly message: string; readonly details: Readonly<Record<string, unknown>> };
  };
  readonly heartbeat?: Readonly<Record<string, unknown>>;
};

export function framed(body: Buffer | string, version = 1, length?: number): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(length ?? bytes.length, 0);
  header.writeUInt32BE(version, 4);
  return Buffer.concat([header, bytes]);
}

export interface FramedClient {
  readonly socket: Socket;
  send(message: unknown): void;
  /** The next reply as text; undefined when the connection is closed. */
  text(): Promise<string | undefined>;
  next(): Promise<Reply>;
  ask(message: unknown): Promise<Reply>;
  close(): void;
}

export async function framedClient(path: string): Promise<FramedClient> {
  const socket = createConnection({ path });
  socket.on('error', () => {});
  await once(socket, 'connect');
  let held = Buffer.alloc(0);
  const ready: string[] = [];
  const waiting: ((text: string | undefined) => void)[] = [];
  let closed = false;
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 8 && held.length >= 8 + held.readUInt32BE(0)) {
      const end = 8 + held.readUInt32BE(0);
      if (held.readUInt32BE(4) !== 1) throw new Error('a reply of another version');
      const text = held.toString('utf8', 8, end);
      held = held.subarray(end);
      const taker = waiting.shift();
      if (taker) taker(text);
      else ready.push(text);
    }
  });
  const over = (): void => {
    closed = true;
    for (const taker of waiting.splice(0)) taker(undefined);
  };
  socket.once('close', over);
  socket.once('end', over);
  const client: FramedClient = {
    socket,
    send: (message) => void socket.write(framed(JSON.stringify(message))),
    text() {
      const text = ready.shift();
      if (text !== undefined || closed) return Promise.resolve(text);
      return new Promise((resolve) => waiting.push(resolve));
    },
    async next() {
      const text = await client.text();
      if (text === undefined) throw new Error('the connection was closed');
      return JSON.parse(text) as Reply;
    },
    ask(message) {
      client.send(message);
      return client.next();
    },
    close: () => void socket.destroy(),
  };
  return client;
}
