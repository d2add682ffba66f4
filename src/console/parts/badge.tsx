import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import { Event_Severity } from '../../../gen/es/sboxagent/v1/event_pb.js';
import { FleetAgent_State } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import { Plugin_State } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import { Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { useTexts } from '../core/app.ts';

export type Tone = 'ok' | 'busy' | 'calm' | 'warn' | 'bad' | 'off';

/** A word with a mark of its tone: never the colour alone. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span class={`badge ${tone}`}>
      <svg class="mark" viewBox="0 0 10 10" aria-hidden="true">
        <path d={marks[tone]} />
      </svg>
      {children}
    </span>
  );
}

/** Disc, ring, triangle, square, dash. */
const marks: Readonly<Record<Tone, string>> = {
  ok: 'M5 1a4 4 0 1 1 0 8a4 4 0 1 1 0-8z',
  busy: 'M5 1a4 4 0 1 1 0 8a4 4 0 1 1 0-8zM5 3a2 2 0 1 0 0 4a2 2 0 1 0 0-4z',
  calm: 'M5 2.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5z',
  warn: 'M5 .8L9.6 9H.4z',
  bad: 'M1 1h8v8H1z',
  off: 'M1 4h8v2H1z',
};

export const processTones: Readonly<Record<keyof typeof Process_State, Tone>> = {
  STATE_UNSPECIFIED: 'off',
  STOPPED: 'off',
  STARTING: 'busy',
  RUNNING: 'ok',
  READY: 'ok',
  BACKOFF: 'warn',
  STOPPING: 'busy',
  EXITED: 'off',
  CRASH_LOOP: 'bad',
};

/** The name of an enum's value; a value of a newer agent is the unspecified one. */
export function nameOf<T extends Record<string, string | number>>(names: T, value: number): keyof T & string {
  return (names[value] ?? names[0] ?? '') as keyof T & string;
}

export function ProcessBadge({ state }: { readonly state: Process_State }) {
  const name = nameOf(Process_State, state);
  return <Badge tone={processTones[name]}>{useTexts().processes.states[name]}</Badge>;
}

const pluginTones: Readonly<Record<keyof typeof Plugin_State, Tone>> = {
  STATE_UNSPECIFIED: 'off',
  UNKNOWN: 'off',
  STARTING: 'busy',
  ACTIVE: 'ok',
  DEGRADED: 'warn',
  UNHEALTHY: 'bad',
  RECOVERING: 'busy',
  STOPPED: 'off',
  DISABLED: 'off',
};

export function PluginBadge({ state }: { readonly state: Plugin_State }) {
  const name = nameOf(Plugin_State, state);
  return <Badge tone={pluginTones[name]}>{useTexts().plugins.states[name]}</Badge>;
}

const agentTones: Readonly<Record<keyof typeof FleetAgent_State, Tone>> = { STATE_UNSPECIFIED: 'off', UP: 'ok', LEFT: 'off', GONE: 'bad' };

export function AgentBadge({ state }: { readonly state: FleetAgent_State }) {
  const name = nameOf(FleetAgent_State, state);
  return <Badge tone={agentTones[name]}>{useTexts().fleet.states[name]}</Badge>;
}

export const healthTones: Readonly<Record<keyof typeof Health_Status, Tone>> = {
  STATUS_UNSPECIFIED: 'off',
  HEALTHY: 'ok',
  DEGRADED: 'warn',
  UNHEALTHY: 'bad',
};

export function HealthBadge({ status }: { readonly status: Health_Status }) {
  const name = nameOf(Health_Status, status);
  return <Badge tone={healthTones[name]}>{useTexts().health.words[name]}</Badge>;
}

export const severityTones: Readonly<Record<keyof typeof Event_Severity, Tone>> = {
  SEVERITY_UNSPECIFIED: 'off',
  DEBUG: 'off',
  INFO: 'calm',
  WARNING: 'warn',
  ERROR: 'bad',
  CRITICAL: 'bad',
};

export function SeverityBadge({ severity }: { readonly severity: Event_Severity }) {
  const name = nameOf(Event_Severity, severity);
  return <Badge tone={severityTones[name]}>{useTexts().events.severities[name]}</Badge>;
}
