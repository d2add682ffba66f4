import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { createConnection } from 'node:net';
import { systemClock } from '../../kernel/clock.ts';
import { processEnv } from '../../settings/process-env.ts';
import { frame } from '../bridge/frames.ts';
import type { Reply, Request } from './reply.ts';

/** sboxmgr waits for the end of this program. */
const limitMs = 300;
const wellKnown = '/tmp/sboxagent.sock';

/**
 * Publishes at a running agent how a validation went, under the caller's trace id, which sboxmgr's own events of it do not carry. Where there is
 * no agent, or it is not ours to trust, nothing is published. Never throws, and never takes long.
 */
export async function publishValidation(request: Request, reply: Reply): Promise<void> {
  const path = processEnv()['SBOXAGENT_SBOXMGR_SOCKET_PATH'] ?? wellKnown;
  if (!isOurs(path)) return;
  const { success, errors, client_detected, client_version } = reply;
  const event = {
    event_type: 'config.validated',
    source: 'sboxmgr',
    trace_id: request['trace_id'],
    data: { config_path: request['config_path'], success, errors, client_detected, client_version },
    metadata: { door: 'json' },
  };
  const message = { id: randomUUID(), type: 'event', timestamp: new Date(systemClock.wallMs()).toISOString(), event };
  await new Promise<void>((resolve) => {
    const socket = createConnection({ path });
    const end = (): void => {
      socket.destroy();
      resolve();
    };
    systemClock.after(limitMs, end);
    socket.on('error', end);
    socket.on('close', end);
    socket.on('data', end); // the agent has it
    socket.write(frame(JSON.stringify(message)));
  });
}

/** In a directory that everybody writes to, a stranger could listen. */
function isOurs(path: string): boolean {
  try {
    const found = lstatSync(path);
    return found.isSocket() && (found.uid === 0 || found.uid === process.getuid?.());
  } catch {
    return false;
  }
}
