/** The plainest fan-out: what one client sends goes to every other client as it is. Nothing is kept. */
import { WebSocket, WebSocketServer } from 'ws';
import { ready } from './peer.ts';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket: WebSocket) => {
  socket.on('message', (data: Buffer) => {
    for (const client of server.clients) if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data);
  });
  socket.on('error', () => {});
});
server.once('listening', () => ready(server.address().port));
