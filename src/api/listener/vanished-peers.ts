/**
 * Peers of HTTP/1.1 that vanished while something was on its way to them. The kernel's keepalive asks only where nothing waits to be acknowledged; else
 * the kernel sends again and again, for a quarter of an hour, and a stream whose silence is filled with comments always has something on its way.
 * Whoever acknowledges nothing of what is sent again for `pongTimeoutMs` is cut here, like one that answers no PING of HTTP/2.
 */
import { readFile } from 'node:fs/promises';
import { isIPv4, type Socket } from 'node:net';

export interface VanishedPeers {
  /** From here on until it is closed. */
  watch(socket: Socket): void;
  /** Called a few times a second; looks at the kernel's tables now and then, and only where something was written. */
  inspect(nowMs: number): void;
}

interface Watched {
  readonly socket: Socket;
  readonly key: string;
  /** `bytesWritten` at the last look. */
  written: number;
  /** When it was first seen that nothing is acknowledged; undefined while all is well. */
  sinceMs: number | undefined;
  /** How often the kernel had sent again by then: fewer are a new beginning. */
  attempts: number;
}

const tables = ['/proc/net/tcp', '/proc/net/tcp6'];
/** An established connection whose timer is that of sending again, and how often it has: local port, remote address and port. */
const sendingAgain = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) 01 \S+ 01:[0-9A-F]+ ([0-9A-F]{8}) /gm;
/** IPv4 within IPv6, as the kernel writes it. */
const mapped = /^0{16}FFFF0000/;

/** How often the kernel has sent again what a peer does not acknowledge, by `localPort remoteAddress remotePort`; only where it has. */
export function unacknowledged(table: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [, localPort = '', address = '', remotePort = '', attempts = ''] of table.matchAll(sendingAgain)) {
    const count = Number.parseInt(attempts, 16);
    if (count > 0) found.set(`${localPort} ${address.replace(mapped, '')} ${remotePort}`, count);
  }
  return found;
}

/** A connection as the kernel's tables name it. */
export function keyOf({ localPort, remoteAddress, remotePort }: Pick<Socket, 'localPort' | 'remoteAddress' | 'remotePort'>): string {
  const port = (value: number | undefined): string => (value ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `${port(localPort)} ${addressKey(remoteAddress ?? '')} ${port(remotePort)}`;
}

/** Words of four bytes, each with its last byte first. */
function addressKey(address: string): string {
  const text = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  const bytes = isIPv4(text) ? text.split('.').map(Number) : bytesOfV6(text);
  const words = Array.from({ length: bytes.length / 4 }, (_, n) => bytes.slice(4 * n, 4 * n + 4).reverse());
  return words
    .flat()
    .map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

function bytesOfV6(text: string): readonly number[] {
  const [head = [], tail = []] = text.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff]);
}

export function watchVanishedPeers(pongTimeoutMs: () => number): VanishedPeers {
  const open = new Set<Watched>();
  let looking = false;
  let lookedMs = Number.NEGATIVE_INFINITY;

  const look = async (nowMs: number): Promise<void> => {
    const texts = await Promise.all(tables.map((path) => readFile(path, 'latin1').catch(() => '')));
    const attempts = unacknowledged(texts.join(''));
    for (const one of open) judge(one, attempts.get(one.key) ?? 0, { nowMs, timeoutMs: pongTimeoutMs() });
  };
  return {
    watch(socket) {
      const watched: Watched = { socket, key: keyOf(socket), written: socket.bytesWritten, sinceMs: undefined, attempts: 0 };
      open.add(watched);
      socket.once('close', () => open.delete(watched));
    },
    inspect(nowMs) {
      if (looking || nowMs - lookedMs < pongTimeoutMs() / 2) return;
      lookedMs = nowMs;
      // Of one that was written nothing to since it was well there is nothing to see.
      const asked = [...open].filter(({ socket, written, sinceMs }) => sinceMs !== undefined || socket.bytesWritten !== written);
      if (asked.length === 0) return;
      looking = true;
      void look(nowMs).finally(() => {
        looking = false;
      });
    },
  };
}

function judge(watched: Watched, attempts: number, { nowMs, timeoutMs }: { readonly nowMs: number; readonly timeoutMs: number }): void {
  const goesOn = attempts > 0 && attempts >= watched.attempts && watched.sinceMs !== undefined;
  watched.attempts = attempts;
  if (attempts === 0) {
    watched.sinceMs = undefined;
    watched.written = watched.socket.bytesWritten;
  } else if (!goesOn) watched.sinceMs = nowMs;
  else if (nowMs - (watched.sinceMs ?? nowMs) >= timeoutMs) watched.socket.destroy();
}
