import { GetConfigRequest, type ConfigServiceClient as Service } from '../../../gen/ts/sboxagent/v1/config_service.ts';
import { type Key, keyTable, keyTypeAt } from '../../settings/index.ts';
import { type Agent, unary } from '../agent.ts';
import { isDocument, leavesOf, valueOfKey } from '../key-path.ts';
import type { Candidate } from './complete.ts';

/** Keys of the agent's configuration: every one there is, and those of its units. With `=` where a value follows; the values too, where they are known. */
export async function configKeys(agent: Agent, typed: string, isSet: boolean): Promise<readonly Candidate[]> {
  const { ConfigServiceClient } = await import('../../../gen/ts/sboxagent/v1/config_service.ts');
  const client: Service = new ConfigServiceClient(agent.address, agent.credentials, agent.channelOptions);
  const [key = '', value] = typed.split(/=(.*)/s);
  if (value !== undefined) return valuesOf(key);
  const { document } = await unary(agent, client.getConfig.bind(client), GetConfigRequest.create());
  const all = [...keysOf(document, isSet)];
  return all.map(({ value: name, ...more }) => ({ value: isSet ? `${name}=` : name, ...more }));
}

function valuesOf(key: string): readonly Candidate[] {
  const type = keyTypeAt(key.split('.'));
  const values = type?.kind === 'boolean' ? ['true', 'false'] : type?.kind === 'choice' ? type.values : [];
  return values.map((one) => ({ value: `${key}=${one}` }));
}

function* keysOf(document: unknown, isSet: boolean): Generator<Candidate> {
  for (const { path, doc, type } of keyTable) {
    if (type.kind !== 'units') yield { value: path, summary: doc };
    else if (isDocument(document)) yield* unitKeys(document, { path, keys: type.keys }, isSet);
  }
  if (!isSet) yield* groups(document);
}

/** A key of a unit has the unit's id in it. */
function* unitKeys(
  document: object,
  { path, keys }: { readonly path: string; readonly keys: readonly Key[] },
  isSet: boolean,
): Generator<Candidate> {
  const units = valueOfKey(document, path);
  if (!isDocument(units)) return;
  for (const [id, unit] of Object.entries(units)) {
    if (isSet) for (const key of keys) yield { value: `${path}.${id}.${key.path}`, summary: key.doc };
    else for (const { key } of leavesOf(unit, `${path}.${id}`)) yield { value: key };
  }
}

/** What holds keys can be shown as one. */
function* groups(document: unknown, above = ''): Generator<Candidate> {
  if (!isDocument(document)) return;
  for (const [name, value] of Object.entries(document)) {
    if (!isDocument(value)) continue;
    const key = above === '' ? name : `${above}.${name}`;
    yield { value: key };
    yield* groups(value, key);
  }
}
