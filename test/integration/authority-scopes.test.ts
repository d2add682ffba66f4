/** One scope a method, none implies another, judged before id and body: every method of the API × every scope × every protocol. */
import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, it } from 'node:test';
import { type DescMethod, type DescService, getOption, hasOption } from '@bufbuild/protobuf';
import { http } from '../../gen/es/google/api/annotations_pb.js';
import { Health } from '../../gen/es/grpc/health/v1/health_pb.js';
import * as agent from '../../gen/es/sboxagent/v1/agent_service_pb.js';
import * as alerts from '../../gen/es/sboxagent/v1/alert_service_pb.js';
import * as config from '../../gen/es/sboxagent/v1/config_service_pb.js';
import * as events from '../../gen/es/sboxagent/v1/event_service_pb.js';
import * as logs from '../../gen/es/sboxagent/v1/log_service_pb.js';
import * as metrics from '../../gen/es/sboxagent/v1/metrics_service_pb.js';
import * as plugins from '../../gen/es/sboxagent/v1/plugin_service_pb.js';
import * as pluginSessions from '../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import * as processes from '../../gen/es/sboxagent/v1/process_service_pb.js';
import { type Scope, scopes } from '../../src/kernel/principal.ts';
import { type Caller, caller, callerWith } from '../helpers/callers.ts';
import { type Daemon, makeDaemon } from '../helpers/daemon.ts';
import { session } from '../helpers/raw.ts';

const services: readonly DescService[] = [
  agent.AgentService,
  alerts.AlertService,
  config.ConfigService,
  events.EventService,
  logs.LogService,
  metrics.MetricsService,
  pluginSessions.PluginSessionService,
  plugins.PluginService,
  processes.ProcessService,
];

/** As the contract has it. */
const needs: Readonly<Record<string, Scope>> = {
  GetStatus: 'read',
  StartProcess: 'operate',
  StopProcess: 'operate',
  RestartProcess: 'operate',
  ReloadProcess: 'operate',
  GetProcess: 'read',
  ListProcesses: 'read',
  WatchProcesses: 'read',
  ExplainProcess: 'read',
  GetProcessConfig: 'read',
  ApplyProcessConfig: 'config:write',
  GetApply: 'read',
  ListProcessConfigRevisions: 'read',
  RollbackProcessConfig: 'config:write',
  CreateEvent: 'events:write',
  BatchCreateEvents: 'events:write',
  PublishEvents: 'events:write',
  ListEvents: 'read',
  GetEvent: 'read',
  WatchEvents: 'read',
  ListLogs: 'read',
  TailLogs: 'read',
  GetConfig: 'read',
  UpdateConfig: 'config:write',
  ReloadConfig: 'config:write',
  ValidateConfig: 'config:write',
  ListConfigRevisions: 'read',
  RollbackConfig: 'config:write',
  ListPlugins: 'read',
  GetPlugin: 'read',
  EnablePlugin: 'operate',
  DisablePlugin: 'operate',
  StartPlugin: 'operate',
  StopPlugin: 'operate',
  RestartPlugin: 'operate',
  DeletePlugin: 'operate',
  WatchPlugins: 'read',
  GetPluginConfig: 'read',
  UpdatePluginConfig: 'config:write',
  ListPluginConfigBackups: 'read',
  RestorePluginConfigBackup: 'config:write',
  RegisterPlugin: 'events:write',
  RenewPluginLease: 'events:write',
  ReportPluginHealth: 'events:write',
  WatchPluginConfig: 'events:write',
  AckPluginConfig: 'events:write',
  RecordMetrics: 'events:write',
  EndPluginSession: 'events:write',
  ListAlerts: 'read',
  AcknowledgeAlert: 'operate',
  WatchAlerts: 'read',
  GetMetrics: 'read',
};

let daemon: Daemon;
let client: ClientHttp2Session;
const tokens = new Map<Scope | 'none', Caller>();
before(async () => {
  daemon = await makeDaemon();
  await daemon.start();
  client = session(daemon.port);
  tokens.set('none', callerWith(daemon, ''));
  for (const scope of scopes) tokens.set(scope, caller(daemon, [scope]));
});
after(async () => {
  client.destroy();
  await daemon.dispose();
});

interface Answer {
  readonly status: number;
  /** `grpc-status`, wherever it stands; undefined where nothing ended within a second. */
  readonly grpc: number | undefined;
}

function send(headers: Readonly<Record<string, string>>, body: Buffer | undefined): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = client.request(headers, { endStream: body === undefined });
    let status = 0;
    let grpc: number | undefined;
    const chunks: Buffer[] = [];
    const done = (): void => {
      clearTimeout(timer);
      const inBody = /grpc-status: ?(\d+)/i.exec(Buffer.concat(chunks).toString('latin1'))?.[1];
      resolve({ status, grpc: grpc ?? (inBody === undefined ? undefined : Number(inBody)) });
      stream.destroy();
    };
    const timer = setTimeout(done, 1000);
    const note = (head: Readonly<Record<string, unknown>>): void => {
      status = Number(head[':status'] ?? status);
      if (head['grpc-status'] !== undefined) grpc = Number(head['grpc-status']);
      // What is not gRPC says all with its status; a watch would go on.
      if (head['content-type'] !== undefined && !String(head['content-type']).includes('grpc')) done();
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', done);
    stream.on('error', done);
    stream.end(body);
  });
}

type Way = (method: DescMethod, token: string) => Promise<Answer> | undefined;

/** Bodies that nobody can read: whoever may not is told that, and not this. */
const garbage = Buffer.from([0, 0, 0, 0, 3, 255, 255, 255]);

function rpc(method: DescMethod, token: string, type: string): Promise<Answer> {
  const auth: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
  const path = `/${method.parent.typeName}/${method.name}`;
  const body = type.startsWith('application/json') ? Buffer.from('{"') : garbage;
  return send({ ':method': 'POST', ':path': path, 'content-type': type, te: 'trailers', ...auth }, body);
}

function rest(method: DescMethod, token: string): Promise<Answer> | undefined {
  if (!hasOption(method, http)) return undefined;
  const { pattern } = getOption(method, http);
  if (pattern.case === undefined || pattern.case === 'custom') return undefined;
  const auth: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
  const path = pattern.value.replaceAll(/\{[^}]*\}/g, 'nobody-has-this-id');
  const verb = pattern.case.toUpperCase();
  const body = verb === 'GET' || verb === 'DELETE' ? undefined : Buffer.from('{"');
  const query = verb === 'GET' ? '?no_such_parameter=1' : '';
  return send({ ':method': verb, ':path': path + query, ...(body && { 'content-type': 'application/json' }), ...auth }, body);
}

const ways: Readonly<Record<string, Way>> = {
  gRPC: (method, token) => rpc(method, token, 'application/grpc'),
  'gRPC-Web': (method, token) => rpc(method, token, 'application/grpc-web+proto'),
  Connect: (method, token) => rpc(method, token, method.methodKind === 'unary' ? 'application/json' : 'application/connect+json'),
  REST: rest,
};

/** 401, 403, or anything else as 0. */
function refusal(way: string, { status, grpc }: Answer): number {
  if (way.startsWith('gRPC')) return grpc === 16 ? 401 : grpc === 7 ? 403 : 0;
  return status === 401 || status === 403 ? status : 0;
}

it('every method has a row in the contract', () => {
  const methods = services.flatMap((service) => service.methods.map(({ name }) => name)).filter((name) => name !== 'GetHealth');
  assert.deepEqual(
    methods.filter((name) => needs[name] === undefined),
    [],
  );
});

for (const way of Object.keys(ways)) {
  it(`${way}: who lacks the scope is told so before id and body, and no other scope will do`, async () => {
    const wrong: string[] = [];
    for (const method of services.flatMap(({ methods }) => methods)) {
      const scope = needs[method.name];
      if (scope === undefined) continue;
      for (const [held, { token }] of tokens) {
        const answer = ways[way]?.(method, token);
        if (answer === undefined) continue;
        const wanted = held === 'none' ? 401 : held === scope || held === 'admin' ? 0 : 403;
        // Bodies of messages one after the other are not unary: Connect's stream says how it ended in its last message.
        if (way === 'Connect' && method.methodKind !== 'unary' && wanted !== 0) {
          assert.notEqual((await answer).status, 0);
          continue;
        }
        const got = refusal(way, await answer);
        if (got !== wanted) wrong.push(`${method.name} with ${held}: ${got}, not ${wanted}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
}

it('streams of Connect: the end of the stream says it', async () => {
  const wrong: string[] = [];
  for (const method of services.flatMap(({ methods }) => methods).filter(({ methodKind }) => methodKind !== 'unary')) {
    for (const [held, { token }] of tokens) {
      if (held === needs[method.name] || held === 'admin') continue;
      const auth: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
      const text = await new Promise<string>((resolve) => {
        const path = `/${method.parent.typeName}/${method.name}`;
        const stream = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/connect+json', ...auth });
        let said = '';
        stream.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
        stream.on('close', () => resolve(said));
        stream.on('error', () => {});
        stream.end(garbage);
      });
      const wanted = held === 'none' ? /"code":\s*"unauthenticated"/ : /"code":\s*"permission_denied"/;
      if (!wanted.test(text)) wrong.push(`${method.name} with ${held}: ${text.slice(0, 200)}`);
    }
  }
  assert.deepEqual(wrong, []);
});

it('health: without read its word and no more', async () => {
  for (const held of ['none', 'events:write', 'operate', 'config:write'] as const) {
    const as = tokens.get(held);
    const { status, json } = (await as?.rest('GET', '/api/v1/health')) ?? {};
    assert.equal(status, 200);
    assert.deepEqual(
      { ...json, components: json.components ?? [], time: json.time ?? null },
      { status: 'HEALTHY', components: [], time: null },
      held,
    );
    const grpc = await as?.grpc(agent.AgentService, 'GetHealth', {});
    assert.deepEqual(grpc?.json, { status: 'HEALTHY' }, held);
    const connect = await as?.connect('AgentService/GetHealth', {});
    assert.deepEqual({ ...connect?.json, components: [] }, { status: 'HEALTHY', components: [] }, held);
    assert.deepEqual(connect?.json.components ?? [], []);
  }
  const { json } = (await tokens.get('read')?.rest('GET', '/api/v1/health')) ?? {};
  assert.ok(json.components.length > 0 && json.time !== null);
  const wrong = await callerWith(daemon, 'no-token-at-all-of-more-than-32-letters').rest('GET', '/api/v1/health');
  assert.deepEqual([wrong.status, wrong.json.components ?? []], [200, []]);
});

it("grpc.health.v1: Check of the empty name is everybody's, all else needs read", async () => {
  const check = (held: Scope | 'none', service: string) => tokens.get(held)?.grpc(Health, 'Check', { service });
  for (const held of [...scopes, 'none'] as const) {
    assert.equal((await check(held, ''))?.status, 200, held);
    const wanted = held === 'none' ? 401 : held === 'read' || held === 'admin' ? 200 : 403;
    assert.equal((await check(held, 'journal'))?.status, wanted, held);
    const unknown = wanted === 200 ? 404 : wanted;
    assert.equal((await check(held, 'nothing-of-this-name'))?.status, unknown, held);
    for (const name of ['List', 'Watch']) {
      const method = Health.methods.find((one) => one.name === name);
      assert.ok(method);
      const answer = await rpc(method, tokens.get(held)?.token ?? '', 'application/grpc');
      assert.equal(refusal('gRPC', answer), wanted === 200 ? 0 : wanted, `${name} with ${held}`);
    }
  }
});

it('reflection and the plain routes need read', async () => {
  for (const version of ['v1', 'v1alpha']) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    for (const [held, { token }] of tokens) {
      const auth: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
      const answer = await send({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...auth }, garbage);
      const wanted = held === 'none' ? 401 : held === 'read' || held === 'admin' ? 0 : 403;
      assert.equal(refusal('gRPC', answer), wanted, `${path} with ${held}`);
    }
  }
  for (const [held, as] of tokens) {
    const wanted = held === 'none' ? 401 : held === 'read' || held === 'admin' ? 200 : 403;
    for (const path of ['/metrics', '/api/v1/metrics/prometheus']) {
      const answer = await fetch(daemon.base + path, { headers: as.token === '' ? {} : { authorization: `Bearer ${as.token}` } });
      await answer.arrayBuffer();
      assert.equal(answer.status, wanted, `${path} with ${held}`);
    }
  }
});
