import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const lowest = 10_240;
const given = new Set<number>();

/**
 * A port of 127.0.0.1 that is free for TCP and UDP, and stays so until somebody binds it by number. The kernel would answer one of those
 * that it gives to outgoing connections by itself, of which the tests beside this one open thousands: one of them may have it by then,
 * or while a daemon that listened there is killed and started again. This one lies below them, and is drawn by nobody twice.
 */
export async function freePort(): Promise<number> {
  const above = firstEphemeral();
  for (let tries = 0; tries < 1000; tries++) {
    const port = lowest + Math.floor(Math.random() * (above - lowest));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port from ${lowest} to ${above}`);
}

function firstEphemeral(): number {
  const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/).map(Number);
  return first !== undefined && first > 2 * lowest ? first : 32_768;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const socket = createSocket('udp4');
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    await once(socket.bind(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    if (server.listening) await new Promise((resolve) => server.close(resolve));
    await new Promise<void>((resolve) => socket.close(resolve));
  }
}
