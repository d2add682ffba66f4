export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a collector is, by the configured base URL or else the standard variables. */
export interface OtlpPlan {
  /** Whole URLs; undefined where that signal is not sent. */
  readonly traces: string | undefined;
  readonly metrics: string | undefined;
  readonly logs: string | undefined;
  /** Variables that ask for a protocol that is not spoken. */
  readonly unspoken: string | undefined;
}

/** Undefined where nothing is sent. */
export function planOtlp(baseUrl: string | undefined, env: Environment): OtlpPlan | undefined {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined;
  const traces = endpoint('traces', baseUrl, env);
  const metrics = endpoint('metrics', baseUrl, env);
  const logs = endpoint('logs', baseUrl, env);
  return traces || metrics || logs ? { traces, metrics, logs, unspoken: otherProtocols(env) } : undefined;
}

function endpoint(signal: 'traces' | 'metrics' | 'logs', baseUrl: string | undefined, env: Environment): string | undefined {
  const upper = signal.toUpperCase();
  if (env[`OTEL_${upper}_EXPORTER`] === 'none') return undefined;
  const base = baseUrl ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  // A variable of one signal is a whole URL; the configuration goes before the environment.
  if (baseUrl === undefined && env[`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`]) return env[`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`];
  return base ? `${base.replace(/\/+$/, '')}/v1/${signal}` : undefined;
}

/** What these exporters speak, by its name in the variables. */
export const spokenProtocol = 'http/json';

/** The variables that ask for another protocol than the one that is spoken; undefined where none does. */
function otherProtocols(env: Environment): string | undefined {
  const asked = ['', 'TRACES_', 'METRICS_', 'LOGS_'].flatMap((signal) => {
    const name = `OTEL_EXPORTER_OTLP_${signal}PROTOCOL`;
    return env[name] && env[name] !== spokenProtocol ? [`${name}=${env[name]}`] : [];
  });
  return asked.length === 0 ? undefined : asked.join(' ');
}
