import { type Daemon, until } from './daemon.ts';

type Json = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

/** A REST call whose answer may be looked into. */
export async function call(daemon: Daemon, method: string, path: string, body?: unknown): Promise<Answer> {
  const { status, json } = await daemon.rest(method, path, body);
  return { status, json };
}

/** A plugin that speaks Connect with JSON: what any HTTP client can. */
export async function session(daemon: Daemon, method: string, body: Json): Promise<Answer> {
  return call(daemon, 'POST', `/sboxagent.v1.PluginSessionService/${method}`, body);
}

export interface TestPlugin {
  readonly id: string;
  readonly sessionId: string;
  renew(): Promise<Answer>;
  report(status: string, message?: string): Promise<Answer>;
}

export async function register(daemon: Daemon, plugin: Json & { readonly id: string }, rest: Json = {}): Promise<TestPlugin> {
  const { status, json } = await session(daemon, 'RegisterPlugin', { plugin, ...rest });
  if (status !== 200) throw new Error(`${plugin.id} was not registered: ${JSON.stringify(json)}`);
  const ids = { plugin_id: plugin.id, session_id: String(json.sessionId) };
  return {
    id: plugin.id,
    sessionId: ids.session_id,
    renew: () => session(daemon, 'RenewPluginLease', ids),
    report: (word, message = '') => session(daemon, 'ReportPluginHealth', { ...ids, status: word, message }),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: as above
export async function plugin(daemon: Daemon, id: string): Promise<any> {
  return (await call(daemon, 'GET', `/api/v1/plugins/${id}`)).json;
}

export async function untilState(daemon: Daemon, id: string, state: string, timeoutMs = 60_000): Promise<void> {
  await until(`${id} to be ${state}`, async () => (await plugin(daemon, id)).state === state, timeoutMs);
}

export interface Told {
  readonly type: string;
  readonly subject: string;
  readonly trace: string;
  readonly data: Json;
}

/** All events of these types about a subject, oldest first. */
export async function told(daemon: Daemon, types: string, subject: string): Promise<readonly Told[]> {
  const query = `filter.types=${types}&filter.subjects=${subject}&order_by=revision&page_size=1000`;
  const { json } = await call(daemon, 'GET', `/api/v1/events?${query}`);
  return json.events.map((e: { type: string; subject: string; trace_id: string; data: Json }) => ({
    type: e.type,
    subject: e.subject,
    trace: e.trace_id,
    data: e.data,
  }));
}
