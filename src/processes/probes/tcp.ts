import { connect } from 'node:net';
import type { ProbeAction } from '../../settings/types.ts';
import type { Probe } from './types.ts';

/** Succeeds when it connects. */
export const tcpProbe: Probe<Extract<ProbeAction, { kind: 'tcp' }>> = ({ host, port }, { signal }) => {
  const { promise, resolve, reject } = Promise.withResolvers<{ ok: boolean; message: string }>();
  const socket = connect({ host, port });
  const leave = (): void => {
    socket.destroy();
    reject(signal.reason);
  };
  signal.addEventListener('abort', leave, { once: true });
  socket.once('connect', () => resolve({ ok: true, message: 'connected' }));
  socket.once('error', reject);
  return promise.finally(() => {
    signal.removeEventListener('abort', leave);
    socket.destroy();
  });
};
