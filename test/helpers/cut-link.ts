/** A way to a TCP server that can be cut as a firewall cuts it: packets are swallowed, and nobody is told. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CutLink {
  readonly port: number;
  /** From now on nothing passes, in neither direction, and new connections come to nothing. */
  cut(): void;
  /** What was sent meanwhile goes on its way, as TCP sends it again. */
  heal(): void;
  dispose(): Promise<void>;
}

export async function makeCutLink(port: number): Promise<CutLink> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const onHeal = new Set<() => void>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const join = (client: Socket): void => {
    const server = connect(port, '127.0.0.1');
    keep(server);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (chunk: Buffer) => to.write(chunk));
      // An end is a packet too.
      from.on('close', () => (isCut ? onHeal.add(() => to.destroy()) : to.destroy()));
    }
    if (isCut) for (const socket of [client, server]) socket.pause();
  };
  const listener = createServer((client) => {
    keep(client);
    if (!isCut) return join(client);
    client.pause();
    onHeal.add(() => (client.destroyed ? undefined : join(client)));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      isCut = false;
      for (const heal of onHeal) heal();
      onHeal.clear();
      for (const socket of sockets) socket.resume();
    },
    async dispose() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
