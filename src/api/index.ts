/**
 * The API: the only room that knows protobuf and Connect. Services are thin twins over the rooms' interfaces; every
 * protocol, REST too, reaches them through the same dispatch, and a call exists only where the gate made one.
 * Invariants: a method without a row in the scope table does not start; a watcher batch is encoded once for all watchers;
 * nothing that a client sends is believed before the rules of its proto have judged it.
 * May be imported by: app.
 */

export { type Api, type ApiDeps, createApi } from './api.ts';
export { eventText } from './convert/event.ts';
export type { RequestMemory } from './dispatch/idempotency.ts';
export { createFrontDoor, type FrontDoor, type FrontDoorOptions } from './front-door.ts';
export type { HealthBoard, HealthComponent, HealthSnapshot, HealthStatus, StatusSnapshot, StatusSource } from './health.ts';
export type { CertificateWatch } from './listener/certificate.ts';
export { metricsRoutes } from './metrics-routes.ts';
export type { Call, Mounted, PlainRoute, RpcMethod, ServedMethod } from './seam.ts';
export { referenceRoutes } from './static/reference-routes.ts';
export { fileRoute, type StaticFile, type StaticFiles, staticRoutes } from './static/static-routes.ts';
export type { Exchange } from './transports/exchange.ts';
export type { MessageCall, MessageReply } from './transports/message.ts';
