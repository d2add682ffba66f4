// Written by clients/typescript/generate.ts; do not edit.
/** Every message and enum of the agent's API, by its name in the protos, with its schema (`create(EventSchema, …)`, `toJson(EventSchema, …)`). */
export * from '../../../gen/es/sboxagent/v1/agent_pb.js';
export * from '../../../gen/es/sboxagent/v1/agent_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/alert_pb.js';
export * from '../../../gen/es/sboxagent/v1/alert_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/audit_pb.js';
export * from '../../../gen/es/sboxagent/v1/audit_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/config_pb.js';
export * from '../../../gen/es/sboxagent/v1/config_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/error_reason_pb.js';
export * from '../../../gen/es/sboxagent/v1/event_pb.js';
export * from '../../../gen/es/sboxagent/v1/event_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/fleet_pb.js';
export * from '../../../gen/es/sboxagent/v1/fleet_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/log_pb.js';
export * from '../../../gen/es/sboxagent/v1/log_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/metric_pb.js';
export * from '../../../gen/es/sboxagent/v1/metrics_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/plugin_config_pb.js';
export * from '../../../gen/es/sboxagent/v1/plugin_pb.js';
export * from '../../../gen/es/sboxagent/v1/plugin_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/plugin_session_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/process_config_pb.js';
export * from '../../../gen/es/sboxagent/v1/process_pb.js';
export * from '../../../gen/es/sboxagent/v1/process_service_pb.js';
export * from '../../../gen/es/sboxagent/v1/trace_pb.js';
export * from '../../../gen/es/sboxagent/v1/trace_service_pb.js';
