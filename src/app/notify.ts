import { tellSystemd } from '../processes/index.ts';
import { processEnv } from '../settings/index.ts';

/**
 * Tells systemd (`Type=notify`) how the daemon stands. Node has no datagram sockets of the unix family, so the word goes out by
 * `systemd-notify`, which stands on every machine that sets NOTIFY_SOCKET. Outside systemd nothing happens.
 */
export function notify(state: 'READY=1' | 'STOPPING=1'): void {
  const socket = processEnv()['NOTIFY_SOCKET'];
  if (socket !== undefined) tellSystemd(state, { NOTIFY_SOCKET: socket });
}
