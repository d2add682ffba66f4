import { spawn } from 'node:child_process';
import { fstatSync, writeSync } from 'node:fs';

type Environment = Readonly<Record<string, string | undefined>>;

/** How the service manager is reached (sd_notify(3)): a connected descriptor, a program that speaks for us, or not at all. */
export type NotifyChannel =
  | { readonly kind: 'descriptor'; readonly fd: number }
  | { readonly kind: 'program'; readonly socket: string }
  | { readonly kind: 'none' };

/** Name of the descriptor in LISTEN_FDNAMES. */
const descriptorName = 'notify';
/** The first descriptor that a service manager hands over (sd_listen_fds(3)). */
const firstHandedOver = 3;

/**
 * Node has no datagram sockets of the unix family, but writing to one that is open and connected is an ordinary write. So the unit's
 * `OpenFile=%t/systemd/notify:notify` (systemd 253), or `deploy/systemd/with-notify-socket` before it, hands one over in the way of socket
 * activation: each message is a system call, comes from the main process (`NotifyAccess=main`), and costs no child when there is
 * no memory for one. Without it `systemd-notify` speaks for us, which the unit must allow (`NotifyAccess=all`).
 */
export function findNotifyChannel(environment: Environment, pid: number = process.pid): NotifyChannel {
  const socket = environment['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return { kind: 'none' };
  const names = environment['LISTEN_PID'] === String(pid) ? (environment['LISTEN_FDNAMES'] ?? '').split(':') : [];
  const fd = firstHandedOver + names.indexOf(descriptorName);
  return fd >= firstHandedOver && isSocket(fd) ? { kind: 'descriptor', fd } : { kind: 'program', socket };
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

/** One message of `NAME=value` lines. A manager that does not listen is no fault of ours: what is lost is said anew with the next one. */
export function sendNotification(channel: NotifyChannel, lines: readonly string[]): void {
  switch (channel.kind) {
    case 'none':
      return;
    case 'descriptor':
      try {
        writeSync(channel.fd, lines.join('\n'));
      } catch {
        // its queue is full, or it is gone
      }
      return;
    case 'program': {
      const child = spawn('systemd-notify', [`--pid=${process.pid}`, ...lines], {
        env: { PATH: '/usr/bin:/bin', NOTIFY_SOCKET: channel.socket },
        stdio: 'ignore',
      });
      child.on('error', () => {});
      child.unref();
    }
  }
}
