/** What the clients for Node and for browsers share. */
export { type AgentMethods, paginate, services } from './client.ts';
export * from './errors.ts';
export { type EventStreamOptions, events, Gap } from './event-stream.ts';
export * as types from './messages.ts';
