/** A fastify that answers one GET with an object it was given; each answer is turned into JSON anew. */
import { fastify } from 'fastify';
import { input, ready } from './peer.ts';

const { path, body } = input<{ path: string; body: object }>();
const app = fastify();
app.get(path, async () => body);
await app.listen({ host: '127.0.0.1', port: 0 });
const address = app.server.address();
if (address === null || typeof address === 'string') throw new Error('no port');
ready(address.port);
