/** The least that grpc-js serves with: one method whose answer is bytes that it was given. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { input, ready } from './peer.ts';

const answer = Buffer.from(input<{ status: string }>().status, 'base64');
const same = (bytes: Buffer): Buffer => bytes;
const method = { path: '/sboxagent.v1.AgentService/GetStatus', requestStream: false, responseStream: false };
const server = new Server();
server.addService(
  { getStatus: { ...method, requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same } },
  { getStatus: (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => done(null, answer) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  ready(port);
});
