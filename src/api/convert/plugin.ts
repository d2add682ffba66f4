/** Plugins: proto -> domain. What the room answers has the fields of its messages. */
import { durationMs } from '@bufbuild/protobuf/wkt';
import { Plugin_Kind } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import type { RegisterPluginRequest } from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
import type { JsonObject } from '../../events/types.ts';
import { invalid } from '../../kernel/errors.ts';
import { valueBytes } from '../../kernel/wire-size.ts';
import type { PluginKind, Registration } from '../../plugins/types.ts';
import { dataOf } from './data.ts';

const kinds: readonly PluginKind[] = ['LIBRARY', 'PROCESS', 'REMOTE'];

/** What every list of plugins carries: more is no figure, and belongs into an event. */
const maxHealthDataBytes = 16 << 10;

/** The figures of a report. Throws INVALID_REQUEST for what no codec can carry and for what is too large. */
export function healthDataOf(value: object | undefined, maxDepth: number): JsonObject | undefined {
  const data = dataOf(value, 'data', maxDepth);
  if (data !== undefined && valueBytes(data) > maxHealthDataBytes) {
    throw invalid([{ field: 'data', message: `must take at most ${maxHealthDataBytes} bytes on the wire`, rule: 'message.max_bytes' }]);
  }
  return data;
}

export function registrationOf({ plugin, configSchema, secretPaths, lease }: RegisterPluginRequest, maxDepth: number): Registration {
  if (plugin === undefined) throw invalid([{ field: 'plugin', message: 'is required', rule: 'required' }]);
  const { id, name, kind, version, labels, cadence } = plugin;
  return {
    ...{ id, name, version, labels, secretPaths },
    kind: kinds.find((one) => Plugin_Kind[one] === kind),
    cadenceMs: cadence && durationMs(cadence),
    leaseMs: lease && durationMs(lease),
    schema: dataOf(configSchema, 'config_schema', maxDepth),
  };
}
