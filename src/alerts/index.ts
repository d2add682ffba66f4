/**
 * Alerts: what is wrong now, told once when it begins and once when it ends.
 *
 * Rules are level-triggered: every second each one says all that is wrong; what is new fires, what is gone is resolved. Invariants: one
 * alert a rule and subject; a transition is durable before it is told (unless the store refuses for seconds: an alert about the disk
 * cannot wait for it) and is one event, also over a restart of the agent; durations follow the monotonic clock; the book, the queues of
 * the webhooks and the windows of the rules have bounds; a webhook that is dead or slow delays nobody but itself; the userinfo of its
 * address and its secret appear nowhere.
 *
 * May be imported by api (types) and app. It imports kernel, telemetry, store, events and types of settings.
 */
export { type AlertsOptions, type OpenAlerts, openAlerts } from './open.ts';
export type { AlertChange, Alerts, AlertView, BuiltInRule, Finding } from './types.ts';
