/**
 * The sockets: one TCP port and one unix socket, on each of which HTTP/1.1 and HTTP/2 are spoken by the same handler.
 * Invariants: nothing that a peer sends ends the process; every connection that says nothing is closed in bounded time;
 * their number is capped. May be imported by the front door only.
 */
export type { CertificateWatch } from './certificate.ts';
export { createListener, type Listener, type ListenerLimits } from './listener.ts';
