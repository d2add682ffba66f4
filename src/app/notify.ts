import { spawn } from 'node:child_process';
import { processEnv } from '../settings/index.ts';

/**
 * Tells systemd (`Type=notify`) how the daemon stands. Node has no datagram sockets of the unix family, so the word goes out by
 * `systemd-notify`, which stands on every machine that sets NOTIFY_SOCKET (`NotifyAccess=all` lets it). Elsewhere nothing happens.
 */
export function notify(state: 'READY=1' | 'STOPPING=1'): void {
  const socket = processEnv()['NOTIFY_SOCKET'];
  if (socket === undefined) return;
  const child = spawn('systemd-notify', [`--pid=${process.pid}`, state], {
    env: { ...processEnv(), NOTIFY_SOCKET: socket },
    stdio: 'ignore',
  });
  child.on('error', () => {});
  child.unref();
}
