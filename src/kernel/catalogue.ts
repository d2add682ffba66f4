/**
 * The one catalogue of reasons: what an error is called, its canonical code, and what a person does about it.
 * `proto/sboxagent/v1/error_reason.proto` and `docs/errors.md` list the same reasons; a test keeps the three equal.
 */

/** Canonical gRPC codes that the agent answers with. */
export type ErrorCode =
  | 'canceled'
  | 'invalid_argument'
  | 'deadline_exceeded'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'failed_precondition'
  | 'aborted'
  | 'out_of_range'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'unauthenticated';

export interface CatalogueEntry {
  readonly code: ErrorCode;
  /** HTTP status of REST where it is not the one of `code`. */
  readonly http?: number;
  /** What the caller, or who runs the agent, does about it. */
  readonly remedy: string;
}

export const catalogue = {
  // Who calls
  TOKEN_MISSING: { code: 'unauthenticated', remedy: 'Send "authorization: Bearer <token>"; `sboxagent token create` makes one.' },
  TOKEN_INVALID: { code: 'unauthenticated', remedy: 'Check the token, or make a new one with `sboxagent token create`.' },
  TOKEN_EXPIRED: { code: 'unauthenticated', remedy: 'Make a new token with `sboxagent token create`.' },
  TOKEN_REVOKED: { code: 'unauthenticated', remedy: 'Make a new token with `sboxagent token create`.' },
  SCOPE_MISSING: { code: 'permission_denied', remedy: 'Use a token with the scope that the message names.' },
  HOST_NOT_ALLOWED: {
    code: 'permission_denied',
    http: 421,
    remedy: 'Call by localhost or 127.0.0.1, or list the name in api.allowed_hosts.',
  },
  ORIGIN_NOT_ALLOWED: { code: 'permission_denied', remedy: "List the page's exact origin in api.security.cors.allowed_origins." },
  CROSS_SITE_REQUEST: { code: 'permission_denied', remedy: 'Pages of other sites may not call the agent unless their origin is allowed.' },
  // How much
  RATE_LIMITED: { code: 'resource_exhausted', remedy: 'Wait as told, or raise api.security.rate_limit.' },
  STREAM_LIMIT_REACHED: { code: 'resource_exhausted', remedy: 'Close a stream, or raise api.streams.max_connections.' },
  STREAMS_DISABLED: { code: 'unimplemented', remedy: 'Set api.streams.enabled: true.' },
  UNARY_LIMIT_REACHED: { code: 'resource_exhausted', remedy: 'Call again in a moment, or raise api.limits.concurrent_unary.' },
  MESSAGE_TOO_LARGE: { code: 'resource_exhausted', http: 413, remedy: 'Send less in one message, or raise api.limits.message_bytes.' },
  WATCHER_TOO_SLOW: { code: 'resource_exhausted', remedy: 'Read faster, narrow the filter, and resume from the last revision.' },
  BODY_TIMEOUT: { code: 'deadline_exceeded', http: 408, remedy: 'Send the whole body at once, or raise api.limits.body_timeout.' },
  // What was asked
  INVALID_REQUEST: { code: 'invalid_argument', remedy: 'Correct the fields that the violations name.' },
  MALFORMED_BODY: { code: 'invalid_argument', remedy: 'Send a body of the form that the method documents.' },
  COMPRESSION_UNDECLARED: {
    code: 'internal',
    remedy: 'Name the compression of the messages in grpc-encoding (connect-content-encoding), or send them uncompressed.',
  },
  JSON_TOO_DEEP: { code: 'invalid_argument', remedy: 'Nest less deeply, or raise api.limits.json_depth.' },
  MEDIA_TYPE_UNSUPPORTED: { code: 'invalid_argument', http: 415, remedy: 'Send "content-type: application/json" without compression.' },
  ROUTE_NOT_FOUND: { code: 'not_found', remedy: 'Check the path against the API documentation.' },
  METHOD_NOT_ALLOWED: { code: 'unimplemented', http: 405, remedy: 'Use one of the methods in the Allow header.' },
  RPC_UNIMPLEMENTED: { code: 'unimplemented', remedy: "Check the method's name; `sboxagent call` lists them all." },
  REQUEST_ID_REUSED: { code: 'already_exists', remedy: 'Use a new request_id for a new request.' },
  CANCELED: { code: 'canceled', remedy: 'The caller ended the call; nothing to do.' },
  DEADLINE_EXCEEDED: { code: 'deadline_exceeded', remedy: 'Give the call more time.' },
  // Events
  EVENT_NOT_FOUND: { code: 'not_found', remedy: 'The id is unknown, or older than events.retention keeps.' },
  EVENT_RESERVED: {
    code: 'permission_denied',
    remedy: 'Give the event a source and a type of its own: sboxagent and process, alert, agent, store, apply are the agent alone.',
  },
  REVISION_COMPACTED: { code: 'out_of_range', remedy: 'Resume from the first revision kept, which the message names.' },
  REVISION_AHEAD: { code: 'out_of_range', remedy: 'The cursor is not of this journal: start anew without it.' },
  JOURNAL_FULL: { code: 'resource_exhausted', remedy: 'Free space on the disk of agent.state_dir; publishing goes on by itself.' },
  JOURNAL_UNAVAILABLE: { code: 'unavailable', remedy: 'See the journal component of the health answer; call again.' },
  INGEST_OVERLOADED: { code: 'resource_exhausted', remedy: 'Publish more slowly; call again as told.' },
  // Processes
  PROCESS_NOT_FOUND: { code: 'not_found', remedy: 'Declare it under processes.units; `sboxagent ps` lists what there is.' },
  PROCESS_ALREADY_RUNNING: { code: 'already_exists', remedy: 'Stop or restart it instead.' },
  PROCESS_NOT_READY: { code: 'failed_precondition', remedy: 'Wait until it is READY, or start it.' },
  PROCESS_LIMIT_REACHED: { code: 'resource_exhausted', remedy: 'Stop an inline process first.' },
  INLINE_DISABLED: { code: 'permission_denied', remedy: 'Set processes.inline.enabled: true and list the binary, or declare a unit.' },
  BINARY_NOT_ALLOWED: { code: 'permission_denied', remedy: 'List the absolute path in processes.inline.allowed_binaries.' },
  BINARY_NOT_FOUND: { code: 'failed_precondition', remedy: 'Install the program, or correct the path.' },
  CONFINEMENT_UNAVAILABLE: {
    code: 'failed_precondition',
    remedy:
      'Correct the user, group, limit or capability that is named, install util-linux, or run the agent with the right that it lacks.',
  },
  START_FAILED: { code: 'failed_precondition', remedy: 'Read the last lines and the reason; `sboxagent logs` shows more.' },
  RELOAD_UNSUPPORTED: { code: 'failed_precondition', remedy: 'Restart it instead.' },
  DEPENDENCY_NOT_READY: { code: 'failed_precondition', remedy: 'Start what it depends on first, or look why that is not READY.' },
  PROCESS_HAS_NO_CONFIG: { code: 'failed_precondition', remedy: 'Only units with an engine and a config_path have a config of their own.' },
  CONFIG_SHARED: { code: 'failed_precondition', remedy: 'Give each unit a config_path of its own; nothing was changed.' },
  PROCESS_CONFIG_INVALID: { code: 'invalid_argument', remedy: 'Correct the place that the violation names; nothing was changed.' },
  CONFIG_NOT_ALLOWED: {
    code: 'invalid_argument',
    remedy:
      'Take out what the violations name, or let an admin allow it in the unit (apply.allowed_dirs, apply.policy); nothing was changed.',
  },
  CONFIG_REFUSED: { code: 'failed_precondition', remedy: "Correct the config as the engine's own sentence says; nothing was changed." },
  CONFIG_NOT_CHECKED: {
    code: 'failed_precondition',
    remedy: 'Let the program of the engine be found and run, as the message says; nothing was changed.',
  },
  APPLY_QUEUE_FULL: { code: 'resource_exhausted', remedy: 'Wait until an apply of this process is over; call again as told.' },
  PORT_TAKEN: { code: 'failed_precondition', remedy: 'Free the port, or choose another one in the config; nothing was changed.' },
  APPLY_ROLLED_BACK: {
    code: 'failed_precondition',
    remedy: 'The config of before is in effect again: look at the steps and the last lines, correct the new one, and apply it again.',
  },
  APPLY_FAILED: {
    code: 'failed_precondition',
    remedy: 'Neither the new config nor the one of before runs: `sboxagent explain ID` says why.',
  },
  APPLY_INTERRUPTED: { code: 'failed_precondition', remedy: 'Somebody stopped the process meanwhile: apply the config again.' },
  APPLY_NOT_FOUND: { code: 'not_found', remedy: 'The id is unknown, or of an apply that is no longer kept.' },
  PROBE_FAILED: {
    code: 'failed_precondition',
    remedy: 'No traffic passes with this config: look at its outbounds, and at the probe of the unit.',
  },
  CURSOR_INVALID: { code: 'invalid_argument', remedy: 'Use a cursor that the agent gave out, or none.' },
  // Configuration: the agent's and the plugins'
  CONFIG_INVALID: { code: 'invalid_argument', remedy: 'Correct the keys that the violations name; nothing was changed.' },
  CONFIG_NOT_MANAGED: { code: 'failed_precondition', remedy: 'Start the agent with --config FILE; an empty file will do.' },
  CONFIG_REVISION_NOT_FOUND: { code: 'not_found', remedy: 'List the revisions and take one of these.' },
  CONFIG_NOT_WRITTEN: {
    code: 'unavailable',
    remedy:
      'The message has the reason of the system: EACCES and EROFS are about permission, EBUSY about a file that is a mount of its own (mount its directory).',
  },
  DISK_FULL: {
    code: 'resource_exhausted',
    remedy: 'Free space on the disk of the file that is named; nothing was changed, so call again.',
  },
  ETAG_STALE: { code: 'aborted', remedy: 'Someone changed it meanwhile: read it again, and make the change from there.' },
  BACKUP_NOT_FOUND: { code: 'not_found', remedy: 'List the backups and take one of these.' },
  BACKUP_DAMAGED: { code: 'failed_precondition', remedy: 'The backup is not as it was made; take another one.' },
  // Plugins
  PLUGIN_NOT_FOUND: {
    code: 'not_found',
    remedy: 'Let the plugin register, or declare it under plugins.units; `sboxagent plugins list` has those known.',
  },
  PLUGIN_OWNED: {
    code: 'permission_denied',
    remedy: 'Use the token that registered it first, one made with `token create --replaces`, or let an admin delete the plugin.',
  },
  PLUGINS_OFF: { code: 'failed_precondition', remedy: 'Set plugins.enabled: true.' },
  PLUGIN_LIMIT_REACHED: { code: 'resource_exhausted', remedy: 'Delete plugins that are gone, or raise plugins.limits.plugins.' },
  PLUGIN_DISABLED: { code: 'failed_precondition', remedy: 'Enable the plugin first.' },
  PLUGIN_SESSION_ENDED: { code: 'failed_precondition', remedy: 'Register again.' },
  PLUGIN_NOT_PROCESS: { code: 'failed_precondition', remedy: 'The agent does not run this plugin: start or stop it where it runs.' },
  PLUGIN_DECLARED: { code: 'failed_precondition', remedy: 'Remove it from plugins.units instead, or disable it.' },
  PLUGIN_BUFFER_FULL: {
    code: 'resource_exhausted',
    remedy: 'Publish more slowly, or raise plugins.event_collection.buffer_size; call again as told.',
  },
  PLUGIN_SCHEMA_INVALID: {
    code: 'invalid_argument',
    remedy: 'Bring a JSON Schema (2020-12, 2019-09, draft-07 or draft-06) without references to the outside.',
  },
  // Alerts
  ALERT_NOT_FOUND: { code: 'not_found', remedy: 'List the alerts and take one of these; old ones are removed.' },
  // Traces and audit
  TRACE_NOT_FOUND: {
    code: 'not_found',
    remedy: 'Nothing is kept under this trace id: `sboxagent trace` lists what is; see traces.retention and docs/traces.md.',
  },
  AUDIT_UNAVAILABLE: {
    code: 'unavailable',
    remedy: 'Nothing is changed while the audit cannot be written: see the journal component of the health answer; call again as told.',
  },
  // The agent itself
  HEALTH_SERVICE_UNKNOWN: { code: 'not_found', remedy: 'Ask for the empty name, a component or a service; List names them.' },
  SHUTTING_DOWN: { code: 'unavailable', remedy: 'The agent is stopping; connect again when it is back.' },
  INTERNAL: { code: 'internal', remedy: 'A fault of the agent: its log has the cause under the trace id.' },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorReason = keyof typeof catalogue;
