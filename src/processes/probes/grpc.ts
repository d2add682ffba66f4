import type { ProbeAction } from '../../settings/types.ts';
import { callGrpc } from '../grpc-call.ts';
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
  const answer = await callGrpc({ host, port, method: '/grpc.health.v1.Health/Check', message: encodeRequest(service), signal });
  if (!answer.ok) return { ok: false, message: `the health service answers with an error: ${answer.details}` };
  const status = decodeResponse(answer.message);
  return { ok: status === 'SERVING', message: `health is ${status}` };
};
