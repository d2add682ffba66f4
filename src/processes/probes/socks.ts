import { isIPv4 } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Login {
  readonly name: string;
  readonly password: string;
}

const version = 5;
const withoutLogin = 0;
const withLogin = 2;
const refusals = [
  'granted',
  'general failure',
  'not allowed by its rules',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
];

/** Asks a SOCKS5 proxy (RFC 1928, with user and password as in RFC 1929) to connect; what follows on the socket is the connection. Names are resolved by the proxy. Throws what it refuses with. */
export async function socksConnect(
  socket: Duplex,
  target: { readonly host: string; readonly port: number },
  user: Login | undefined,
): Promise<void> {
  socket.write(Buffer.from([version, 1, user === undefined ? withoutLogin : withLogin]));
  const [, method] = await readBytes(socket, 2);
  if (method !== (user === undefined ? withoutLogin : withLogin)) {
    throw new Error(user === undefined ? 'the proxy asks for a user' : 'the proxy does not take a user and password');
  }
  if (user !== undefined) await logIn(socket, user);
  socket.write(Buffer.concat([Buffer.from([version, 1, 0]), addressOf(target.host), portOf(target.port)]));
  const [, reply = 1, , kind] = await readBytes(socket, 4);
  if (reply !== 0) throw new Error(`the proxy did not connect: ${refusals[reply] ?? `code ${reply}`}`);
  const length = kind === 1 ? 4 : kind === 4 ? 16 : ((await readBytes(socket, 1))[0] ?? 0);
  await readBytes(socket, length + 2);
}

async function logIn(socket: Duplex, { name, password }: Login): Promise<void> {
  socket.write(Buffer.concat([Buffer.from([1]), shortText(name), shortText(password)]));
  const [, status] = await readBytes(socket, 2);
  if (status !== 0) throw new Error('the proxy refuses its user');
}

function addressOf(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([1, ...host.split('.').map(Number)]);
  return Buffer.concat([Buffer.from([3]), shortText(host)]);
}

function shortText(text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 255);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function portOf(port: number): Buffer {
  return Buffer.from([port >> 8, port & 0xff]);
}

/** Exactly so many bytes. Throws where the proxy hangs up before. */
async function readBytes(socket: Duplex, count: number): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = socket.read(count);
    if (chunk !== null && chunk.length === count) return chunk;
    if (chunk !== null || socket.readableEnded || socket.destroyed) throw new Error('the proxy hung up');
    const more = Promise.withResolvers<void>();
    const stop = (): void => more.resolve();
    for (const event of ['readable', 'end', 'close', 'error']) socket.once(event, stop);
    await more.promise;
    for (const event of ['readable', 'end', 'close', 'error']) socket.off(event, stop);
  }
}
