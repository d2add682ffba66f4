/**
 * The connectrpc conformance suite against our front door. The runner says on stdin what it wants (TLS, a limit), and
 * reads on stdout where to find it:
 *
 *   connectconformance --mode server --conf test/conformance/config.yaml
 *     -- node test/conformance/server.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, createRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import type { Access } from '../../src/access/types.ts';
import { serveMethods } from '../../src/api/dispatch/dispatch.ts';
import { createFrontDoor, type FrontDoor } from '../../src/api/front-door.ts';
import type { Mounted } from '../../src/api/seam.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Settings } from '../../src/settings/types.ts';
import { apiSettings, fakeTelemetry, methodsOf } from '../helpers/door.ts';
import { type ServerCompatRequest, ServerCompatRequestSchema, ServerCompatResponseSchema } from './gen/server_compat_pb.js';
import { ConformanceService, file_connectrpc_conformance_v1_service } from './gen/service_pb.js';
import { conformanceService } from './service.ts';

/** What the suite does not limit is out of its way. */
const generous = { connections: 10_000, streamsPerConnection: 1000, concurrentUnary: 10_000, messageBytes: 64 * 1024 * 1024 };

async function readRequest(): Promise<ServerCompatRequest> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) break;
  }
  return fromBinary(ServerCompatRequestSchema, bytes.subarray(4, 4 + bytes.readUInt32BE(0)));
}

function tlsFiles(request: ServerCompatRequest, dir: string): Settings['api']['tls'] {
  if (!request.useTls) return undefined;
  const file = (name: string, bytes: Uint8Array | undefined): string => {
    const path = join(dir, name);
    writeFileSync(path, bytes ?? new Uint8Array(), { mode: 0o600 });
    return path;
  };
  return {
    certFile: file('cert.pem', request.serverCreds?.cert),
    keyFile: file('key.pem', request.serverCreds?.key),
    clientCaFile: request.clientTlsCert.byteLength === 0 ? undefined : file('client-ca.pem', request.clientTlsCert),
  };
}

function settings(request: ServerCompatRequest, dir: string): Settings['api'] {
  const plain = apiSettings();
  return {
    ...plain,
    tls: tlsFiles(request, dir),
    security: { ...plain.security, authEnabled: false },
    streams: { ...plain.streams, maxConnections: 10_000 },
    limits: { ...plain.limits, ...generous },
  };
}

const access: Access = {
  authenticate: () => ({ ok: false, reason: 'TOKEN_MISSING', message: 'the suite has no tokens' }),
  onRevoked: () => () => {},
};

function conformanceDoor(api: Settings['api'], messageReceiveLimit: number): FrontDoor {
  const mounted = [{ service: ConformanceService, implementation: conformanceService }] as unknown as Mounted[];
  const methods = methodsOf([ConformanceService], () => undefined).map((method) => ({ ...method, rateLimited: false }));
  return createFrontDoor({
    ...{ api, access },
    telemetry: fakeTelemetry(),
    clock: systemClock,
    methods: serveMethods(mounted, { validate: () => {}, memory: undefined, bareErrors: true }, methods),
    connect: {
      acceptCompression: [compressionGzip, compressionBrotli],
      // Not the gate's limit, whose refusals carry the agent's ErrorInfo: the suite wants errors without details.
      readMaxBytes: messageReceiveLimit > 0 ? messageReceiveLimit : generous.messageBytes,
      jsonOptions: { registry: createRegistry(file_connectrpc_conformance_v1_service) },
    },
    plain: [],
    unixSocketPath: undefined,
    // The suite compares details: our own errors must come bare.
    errorDetails: false,
  });
}

const dir = mkdtempSync(join(tmpdir(), 'conformance-'));
process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
const request = await readRequest();
const door = conformanceDoor(settings(request, dir), request.messageReceiveLimit);
const [url = ''] = await door.start();
const response = create(ServerCompatResponseSchema, {
  host: '127.0.0.1',
  port: Number(new URL(url).port),
  pemCert: request.serverCreds?.cert ?? new Uint8Array(),
});
const body = toBinary(ServerCompatResponseSchema, response);
const length = Buffer.alloc(4);
length.writeUInt32BE(body.byteLength);
process.stdout.write(Buffer.concat([length, body]));
process.once('SIGTERM', () => void door.stop(200).then(() => process.exit(0)));
