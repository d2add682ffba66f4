import type { ProbeAction } from '../../settings/types.ts';
import type { Probe } from './types.ts';

const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

/** HealthCheckRequest { string service = 1 }, of at most 127 bytes. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
}

/** HealthCheckResponse { ServingStatus status = 1 }: an absent field is UNKNOWN. */
function decodeResponse(bytes: Buffer): string {
  return servingStatus[bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0] ?? 'UNKNOWN';
}

/** Succeeds when grpc.health.v1 says SERVING. In clear text: the probe is for the same machine. */
export const grpcProbe: Probe<Extract<ProbeAction, { kind: 'grpc' }>> = async ({ host, port, service }, { signal }) => {
  // Loaded only where such a probe is declared: it is 60 ms of start.
  const { Client, credentials } = await import('@grpc/grpc-js');
  const address = host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_http_proxy': 0, 'grpc.use_local_subchannel_pool': 1 });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = client.makeUnaryRequest('/grpc.health.v1.Health/Check', encodeRequest, decodeResponse, service, (error, status) =>
    error === null ? resolve(status ?? 'UNKNOWN') : reject(error),
  );
  const leave = (): void => call.cancel();
  signal.addEventListener('abort', leave, { once: true });
  try {
    const status = await promise;
    return { ok: status === 'SERVING', message: `health is ${status}` };
  } finally {
    signal.removeEventListener('abort', leave);
    client.close();
  }
};
