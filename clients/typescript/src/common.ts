/** What the clients for Node and for browsers share. */
export { paginate } from './client.ts';
export * from './errors.ts';
export { type EventStreamOptions, events, Gap } from './event-stream.ts';
export * as types from './messages.ts';
export { type AgentMethods, services } from './services.ts';
