import { AgentError } from '../kernel/errors.ts';
import { randomToken } from '../kernel/ids.ts';
import { identityOf, may } from '../kernel/principal.ts';
import type { LiveSession, PluginRecord } from './record.ts';
import { firstContact } from './silence.ts';
import type { Registration, SessionRef } from './types.ts';

/** Granted to a remote plugin that asks for none. */
const defaultLeaseMs = 30_000;

/** A library plugin lives only in runs of seconds: a lease of it would end after each. */
export function grantedLease(kind: PluginRecord['kind'], askedMs: number | undefined): number | undefined {
  if (kind === 'LIBRARY') return undefined;
  return askedMs ?? (kind === 'REMOTE' ? defaultLeaseMs : undefined);
}

/** Opens a session; the one before ends. */
export function openSession(record: PluginRecord, opened: Pick<LiveSession, 'identity' | 'leaseMs'>, nowMs: number): LiveSession {
  endSession(record);
  record.session = { id: randomToken(), ...opened, renewedAtMs: nowMs, reports: 0, onEnd: new Set() };
  record.leaseEnded = false;
  // The rest that it took on purpose is none of its gaps.
  if (record.endedItself) record.contact = firstContact(nowMs);
  record.endedItself = false;
  return record.session;
}

export function endSession(record: PluginRecord): void {
  const { session } = record;
  record.session = undefined;
  for (const fn of session?.onEnd ?? []) fn();
}

/** Ends the session on the plugin's own word. Its last report goes with it: it said how a plugin was that is no more. */
export function leaveSession(record: PluginRecord): void {
  endSession(record);
  record.endedItself = true;
  record.report = undefined;
}

/** The session of a call. Throws PLUGIN_SESSION_ENDED for any but the present one, PLUGIN_OWNED for whoever did not open it. */
export function liveSession(record: PluginRecord, { sessionId, caller }: Omit<SessionRef, 'id'>): LiveSession {
  if (record.session === undefined || record.session.id !== sessionId) {
    throw new AgentError('PLUGIN_SESSION_ENDED', `this session of ${record.id} has ended; register again`, {
      metadata: { plugin_id: record.id },
    });
  }
  if (record.session.identity !== identityOf(caller) && !may(caller, 'admin')) {
    throw new AgentError('PLUGIN_OWNED', `this session of ${record.id} was opened by another token`, {
      metadata: { plugin_id: record.id },
    });
  }
  return record.session;
}

/** What a plugin says of itself, and the configuration says of it. */
export function takeRegistration(record: PluginRecord, registration: Registration): void {
  record.kind = record.unit !== undefined ? 'PROCESS' : (registration.kind ?? (registration.leaseMs === undefined ? 'LIBRARY' : 'REMOTE'));
  record.name = registration.name || record.id;
  record.version = registration.version;
  record.labels = registration.labels;
  record.cadenceMs = registration.cadenceMs;
}
