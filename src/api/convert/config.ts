/** The agent's configuration: domain -> proto. */
import { create, fromJson, type JsonObject as ProtoObject } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import {
  type AgentConfig,
  AgentConfigSchema,
  type ConfigChange,
  type ConfigChange_Change,
  ConfigChange_ChangeSchema,
  ConfigChange_Effect,
  ConfigChangeSchema,
  type ConfigRevision,
  ConfigRevisionSchema,
  type Violation,
  ViolationSchema,
} from '../../../gen/es/sboxagent/v1/config_pb.js';
import type * as domain from '../../config/types.ts';
import type { Json, JsonObject } from '../../events/types.ts';
import { type Violation as Fault, invalid, type Problem } from '../../kernel/errors.ts';
import { checkData } from './data.ts';
import { fromMs } from './time.ts';

export function configMessage({ document, sources, revision, etag, timeMs, yaml }: domain.AgentConfig): AgentConfig {
  return create(AgentConfigSchema, {
    document: document as ProtoObject,
    sources: { ...sources },
    revision,
    etag,
    time: fromMs(timeMs),
    yaml,
  });
}

export function changeMessage({ revision, etag, changes, restartRequired }: domain.ConfigChange): ConfigChange {
  return create(ConfigChangeSchema, { revision, etag, changes: changes.map(keyMessage), restartRequired });
}

export function configRevisionMessage({ revision, etag, author, reason, timeMs, changes }: domain.ConfigRevision): ConfigRevision {
  return create(ConfigRevisionSchema, { revision, etag, author, reason, time: fromMs(timeMs), changes: changes.map(keyMessage) });
}

export function problemMessage(problem: Problem): Violation {
  return create(ViolationSchema, { ...problem });
}

function keyMessage({ path, oldValue, newValue, effect }: domain.KeyChange): ConfigChange_Change {
  return create(ConfigChange_ChangeSchema, {
    path,
    effect: ConfigChange_Effect[effect],
    ...(oldValue !== undefined && { oldValue: valueMessage(oldValue) }),
    ...(newValue !== undefined && { newValue: valueMessage(newValue) }),
  });
}

function valueMessage(value: Json): Value {
  return fromJson(ValueSchema, value as ProtoObject);
}

/** Exactly one of the two. Throws INVALID_REQUEST. */
export function candidateOf(
  request: { readonly document?: ProtoObject | undefined; readonly yaml: string },
  limits: { maxDepth: number },
): domain.Candidate {
  const { document, yaml } = request;
  // A request that says nothing must not empty the configuration; `{}` does.
  if (document === undefined && yaml === '') throw invalid([{ field: 'document', message: 'is required, or yaml', rule: 'required' }]);
  if (document === undefined) return { yaml };
  if (yaml !== '') throw invalid([{ field: 'yaml', message: 'is given beside document; give one of the two', rule: 'exclusive' }]);
  const violations: Fault[] = [];
  checkData(document, 'document', { violations, ...limits });
  if (violations.length > 0) throw invalid(violations);
  return { document: document as JsonObject };
}
