/** A bare grpc-js server that answers GetStatus with a status it was given; each answer is encoded anew. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { AgentStatus } from '../../gen/ts/sboxagent/v1/agent.ts';
import { AgentServiceService } from '../../gen/ts/sboxagent/v1/agent_service.ts';
import { input, ready } from './peer.ts';

const status = AgentStatus.decode(Buffer.from(input<{ status: string }>().status, 'base64'));
const server = new Server();
server.addService(AgentServiceService, {
  getStatus: (_call: ServerUnaryCall<unknown, AgentStatus>, done: sendUnaryData<AgentStatus>) => done(null, status),
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  ready(port);
});
