import { askHttpApi, callGrpcApi } from './engine-api.ts';
import { field, isLoopback, table } from './engines/fields.ts';
import type { Document, Engine, EngineApi } from './engines/index.ts';
import { fieldsOf } from './protobuf-fields.ts';
import { readStats } from './xray-stats.ts';

/** What an engine says of its traffic, since it began. What it does not count is undefined. */
export interface EngineFigures {
  readonly connections: number | undefined;
  /** From its users to the world. */
  readonly transmitBytes: number | undefined;
  /** From the world to its users. */
  readonly receiveBytes: number | undefined;
}

/** Best first: xray's figures are dearer by gRPC. */
const counted: readonly EngineApi['kind'][] = ['clash', 'sing-box', 'hysteria', 'expvar', 'xray'];

/**
 * The API of a config that figures are read from: one that only this machine reaches, and that has its secret where it wants one. Any other
 * is not used in silence.
 */
export function figuresApi(engine: Engine, config: Document): EngineApi | undefined {
  const usable = engine.apis(config).filter(isUsable);
  return counted.flatMap((kind) => usable.find((api) => api.kind === kind) ?? [])[0];
}

function isUsable({ address, port, guard, secret }: EngineApi): boolean {
  return address !== undefined && isLoopback(address) && port > 0 && (guard === 'none' || secret.value !== '');
}

/** Asks once. Throws where it does not answer, or says what nobody can read. */
export async function readFigures(api: EngineApi, signal: AbortSignal): Promise<EngineFigures> {
  switch (api.kind) {
    case 'clash':
      return ofClash(await askJson(api, '/connections', signal));
    case 'sing-box':
      return ofStatus(api, signal);
    case 'hysteria':
      return ofHysteria(await askJson(api, '/traffic', signal), await askJson(api, '/online', signal));
    case 'expvar':
      return ofInbounds(table(field(await askJson(api, '/debug/vars', signal), 'stats', 'inbound')));
    default:
      return ofStats(api, signal);
  }
}

async function askJson(api: EngineApi, path: string, signal: AbortSignal): Promise<Document> {
  const { status, body } = await askHttpApi(api, path, { signal, readBody: true });
  if (status !== 200) throw new Error(`its API answers with status ${status}`);
  return table(JSON.parse(body));
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function sum(values: readonly unknown[]): number {
  return values.reduce<number>((all, value) => all + (number(value) ?? 0), 0);
}

function ofClash(answer: Document): EngineFigures {
  const { connections } = answer;
  return {
    // It says null where there are none.
    connections: Array.isArray(connections) ? connections.length : 0,
    transmitBytes: number(answer['uploadTotal']),
    receiveBytes: number(answer['downloadTotal']),
  };
}

/** Numbers of the fields of `daemon.Status` (daemon/started_service.proto of sing-box 1.14). */
const statusFields = { connections: 3, isCounted: 5, transmitBytes: 8, receiveBytes: 9 } as const;

/** sing-box's own gRPC service tells its status as a stream, the first at once. */
async function ofStatus(api: EngineApi, signal: AbortSignal): Promise<EngineFigures> {
  const answer = await callGrpcApi(api, '/daemon.StartedService/SubscribeStatus', { message: Buffer.alloc(0), signal });
  if (!answer.ok) throw new Error(`its API does not answer: ${answer.details}`);
  // What is 0 is not sent.
  const values = new Map(fieldsOf(answer.message).map(({ number: which, value }) => [which, value]));
  const figure = (which: number): number | undefined => (values.get(statusFields.isCounted) === 1 ? (values.get(which) ?? 0) : undefined);
  return {
    connections: figure(statusFields.connections),
    transmitBytes: figure(statusFields.transmitBytes),
    receiveBytes: figure(statusFields.receiveBytes),
  };
}

/** Both by user. */
function ofHysteria(traffic: Document, online: Document): EngineFigures {
  const users = Object.values(traffic).map(table);
  return {
    connections: sum(Object.values(online)),
    transmitBytes: sum(users.map((user) => user['tx'])),
    receiveBytes: sum(users.map((user) => user['rx'])),
  };
}

/** By inbound: what goes up comes from a user. Where the config's policy counts nothing there are none. */
function ofInbounds(inbounds: Document): EngineFigures {
  const all = Object.values(inbounds).map(table);
  if (all.length === 0) return { connections: undefined, transmitBytes: undefined, receiveBytes: undefined };
  return {
    connections: undefined,
    transmitBytes: sum(all.map((inbound) => inbound['uplink'])),
    receiveBytes: sum(all.map((inbound) => inbound['downlink'])),
  };
}

const queryInbounds = Buffer.concat([Buffer.from([0x0a, 'inbound>>>'.length]), Buffer.from('inbound>>>')]);

/** `inbound>>>TAG>>>traffic>>>uplink` */
async function ofStats(api: EngineApi, signal: AbortSignal): Promise<EngineFigures> {
  const answer = await callGrpcApi(api, '/xray.app.stats.command.StatsService/QueryStats', { message: queryInbounds, signal });
  if (!answer.ok) throw new Error(`its API does not answer: ${answer.details}`);
  const stats = readStats(answer.message);
  const total = (direction: string): number => sum(stats.filter(({ name }) => name.endsWith(`>>>${direction}`)).map(({ value }) => value));
  if (stats.length === 0) return ofInbounds({});
  return { connections: undefined, transmitBytes: total('uplink'), receiveBytes: total('downlink') };
}
