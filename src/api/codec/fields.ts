/**
 * What a service answers: a message, or its fields in the words of the rooms. There a moment or a span of time may be given in milliseconds, under its name
 * with `Ms` behind it; a value of an enum by its name; 64 bits as a number; free-form data as the JSON that it is. The writers take both, so that what a room
 * shows of itself is answered as it is, and only what differs from the proto is converted.
 */
import type { DescField, JsonObject, Message } from '@bufbuild/protobuf';
import type { Duration, Timestamp, Value } from '@bufbuild/protobuf/wkt';
import type { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import type { Alert_State } from '../../../gen/es/sboxagent/v1/alert_pb.js';
import type { ConfigChange_Effect } from '../../../gen/es/sboxagent/v1/config_pb.js';
import type { Event_Severity } from '../../../gen/es/sboxagent/v1/event_pb.js';
import type { FleetAgent_State } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import type { LogEntry_Level, LogEntry_Stream } from '../../../gen/es/sboxagent/v1/log_pb.js';
import type { Metric_Kind } from '../../../gen/es/sboxagent/v1/metric_pb.js';
import type { PluginConfig_ApplyState } from '../../../gen/es/sboxagent/v1/plugin_config_pb.js';
import type { Plugin_Kind, Plugin_State } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import type { Apply_Phase, Apply_Result, Apply_Step_Status, ProcessConfig_Format } from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import type { Process_DesiredState, Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import type { TraceEntry_Kind } from '../../../gen/es/sboxagent/v1/trace_pb.js';

/** Enums whose values rooms name. */
type Enums =
  | typeof Alert_State
  | typeof Apply_Phase
  | typeof Apply_Result
  | typeof Apply_Step_Status
  | typeof ConfigChange_Effect
  | typeof Event_Severity
  | typeof FleetAgent_State
  | typeof Health_Status
  | typeof LogEntry_Level
  | typeof LogEntry_Stream
  | typeof Metric_Kind
  | typeof PluginConfig_ApplyState
  | typeof Plugin_Kind
  | typeof Plugin_State
  | typeof ProcessConfig_Format
  | typeof Process_DesiredState
  | typeof Process_State
  | typeof TraceEntry_Kind;

/** The names of the values of an enum; none of a number that is no enum's. */
type NameOf<V extends number, E = Enums> = `${number}` extends `${V}`
  ? never
  : E extends unknown
    ? V extends E[keyof E]
      ? keyof E
      : never
    : never;

type Time = Timestamp | Duration;

/** One value. */
type FieldOf<V> = V extends undefined | string | boolean | Uint8Array
  ? V
  : V extends bigint
    ? bigint | number
    : V extends number
      ? V | NameOf<V>
      : V extends Time
        ? { readonly seconds: bigint | number; readonly nanos: number }
        : V extends Value
          ? unknown
          : V extends Message
            ? Fields<V>
            : V extends readonly (infer Item)[]
              ? readonly FieldOf<Item>[]
              : V extends { readonly case: string; readonly value: infer Chosen }
                ? { readonly case: V['case']; readonly value: FieldOf<Chosen> }
                : JsonObject extends V
                  ? object
                  : V extends { readonly [key: string]: infer Item }
                    ? { readonly [key: string]: FieldOf<Item> }
                    : V;

/** The fields of a message; what is absent or undefined is not set. */
export type Fields<M> = {
  readonly [K in keyof M as K extends `$${string}` ? never : K]?: FieldOf<M[K]> | undefined;
} & {
  readonly [K in keyof M as NonNullable<M[K]> extends Time ? `${string & K}Ms` : never]?: number | undefined;
};

/** A message, or its fields, by the names that they have here. */
export type Named = Readonly<Record<string, unknown>>;

/** Reads one field; undefined where it is not set. */
export function readerOf(field: DescField): (message: Named) => unknown {
  const { localName } = field;
  if (field.oneof !== undefined) {
    const group = field.oneof.localName;
    return (message) => {
      const chosen = message[group] as { readonly case?: string; readonly value?: unknown } | undefined;
      return chosen?.case === localName ? chosen.value : undefined;
    };
  }
  const time = field.message === undefined || field.fieldKind !== 'message' ? undefined : times[field.message.typeName];
  if (time === undefined) return (message) => message[localName];
  const inMs = `${localName}Ms`;
  return (message) => {
    const given = message[localName];
    const ms = given === undefined ? message[inMs] : undefined;
    return typeof ms === 'number' ? time(ms) : given;
  };
}

/** Whole microseconds. The nanoseconds of a moment count forward from its second, those of a span have its sign. */
const times: Readonly<Record<string, (ms: number) => { readonly seconds: number; readonly nanos: number }>> = {
  'google.protobuf.Timestamp': (ms) => split(ms, Math.floor),
  'google.protobuf.Duration': (ms) => split(ms, Math.trunc),
};

function split(ms: number, whole: (seconds: number) => number): { readonly seconds: number; readonly nanos: number } {
  const micros = Math.round(ms * 1000);
  const seconds = whole(micros / 1_000_000);
  return { seconds, nanos: (micros - seconds * 1_000_000) * 1000 };
}
