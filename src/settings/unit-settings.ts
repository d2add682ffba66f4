import type { Entries } from './entries.ts';
import { rlimitNames } from './keys/limits.ts';
import type { PluginUnitSettings, ProbeAction, ProbeSettings, UnitProbe, UnitProbeAction, UnitSettings } from './types.ts';

export function toUnit(entries: Entries, id: string, base: string): UnitSettings {
  const get = <T>(path: string): T => entries.get(`${base}.${path}`)?.value as T;
  return {
    id,
    engine: get('engine'),
    command: get('command'),
    binary: get('binary'),
    args: get('args'),
    configPath: get('config_path'),
    cwd: get('cwd'),
    env: get('env'),
    passEnv: get('pass_env'),
    autostart: get('autostart'),
    dependsOn: get('depends_on'),
    onAgentExit: get('on_agent_exit'),
    restart: {
      policy: get('restart.policy'),
      baseMs: get('restart.base'),
      factor: get('restart.factor'),
      maxMs: get('restart.max'),
      jitter: get('restart.jitter'),
      burst: get('restart.burst'),
      windowMs: get('restart.window'),
      stableAfterMs: get('restart.stable_after'),
    },
    stop: { signal: get('stop.signal'), graceMs: get('stop.grace') },
    user: get('user'),
    group: get('group'),
    noNewPrivs: get('no_new_privs'),
    capabilities: get('capabilities'),
    umask: get('umask'),
    limits: { rlimits: rlimitsOf(get), memoryBytes: get('limits.memory') },
    probes: {
      startup: toUnitProbe(entries, `${base}.probes.startup`),
      readiness: base.startsWith('plugins.') ? undefined : toUnitProbe(entries, `${base}.probes.readiness`),
      liveness: toUnitProbe(entries, `${base}.probes.liveness`),
    },
    apply: {
      readyWithinMs: get('apply.ready_within'),
      probe: toUnitProbe(entries, `${base}.apply.probe`),
      soakMs: get('apply.soak'),
      allowedDirs: get('apply.allowed_dirs'),
      policy: get('apply.policy'),
      onFileChange: get('apply.on_file_change'),
    },
  };
}

function rlimitsOf(get: (path: string) => string | undefined): Readonly<Record<string, string>> {
  const given = rlimitNames.flatMap((name) => {
    const limit = get(`limits.${name}`);
    return limit === undefined ? [] : [[name, limit] as const];
  });
  return Object.fromEntries(given);
}

function toUnitProbe(entries: Entries, base: string): UnitProbe | undefined {
  const read = (path: string): unknown => entries.get(`${base}.${path}`)?.value;
  const get = <T>(path: string): T => read(path) as T;
  const action = toUnitAction(read);
  if (action === undefined) return undefined;
  return {
    action,
    initialDelayMs: get('initial_delay'),
    periodMs: get('period'),
    timeoutMs: get('timeout'),
    successThreshold: get('success_threshold'),
    failureThreshold: get('failure_threshold'),
  };
}

function toUnitAction(read: (path: string) => unknown): UnitProbeAction | undefined {
  const get = <T>(path: string): T => read(path) as T;
  if (get('log.pattern') !== undefined) return { kind: 'log', pattern: get('log.pattern') };
  if (get('engine') !== undefined) return { kind: 'engine' };
  if (get('proxy.url') === undefined) return toAction(read);
  return { kind: 'proxy', url: get('proxy.url'), via: get('proxy.via'), statuses: get('proxy.status') };
}

export function toPluginUnit(entries: Entries, id: string, base: string): PluginUnitSettings {
  const get = <T>(path: string): T => entries.get(`${base}.recovery.${path}`)?.value as T;
  const recovery = entries.has(`${base}.recovery.steps`)
    ? {
        steps: get<NonNullable<PluginUnitSettings['recovery']>['steps']>('steps'),
        budget: get<number>('budget'),
        windowMs: get<number>('window'),
        backoffMs: get<number>('backoff'),
      }
    : undefined;
  return { ...toUnit(entries, id, base), readiness: toProbe(entries, `${base}.probes.readiness`), recovery };
}

function toProbe(entries: Entries, base: string): ProbeSettings | undefined {
  const get = <T>(path: string): T => entries.get(`${base}.${path}`)?.value as T;
  const action = toAction((path) => entries.get(`${base}.${path}`)?.value);
  if (action === undefined) return undefined;
  return {
    action,
    initialDelayMs: get('initial_delay'),
    periodMs: get('period'),
    timeoutMs: get('timeout'),
    successThreshold: get('success_threshold'),
    failureThreshold: get('failure_threshold'),
  };
}

function toAction(read: (path: string) => unknown): ProbeAction | undefined {
  // The table gave each value its type.
  const get = <T>(path: string): T => read(path) as T;
  if (get('exec.command') !== undefined) return { kind: 'exec', command: get('exec.command') };
  if (get('http.url') !== undefined) {
    return { kind: 'http', url: get('http.url'), method: get('http.method'), headers: get('http.headers'), statuses: get('http.status') };
  }
  if (get('tcp.address') !== undefined) return { kind: 'tcp', ...hostAndPort(get('tcp.address')) };
  if (get('grpc.address') === undefined) return undefined;
  return { kind: 'grpc', ...hostAndPort(get('grpc.address')), service: get('grpc.service') };
}

/** `[::1]:80` -> `::1` and 80. */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}
