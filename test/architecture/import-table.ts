/** Who may import whom, with the reason for every edge. docs/architecture.md shows the same table; a test keeps them equal. */
export interface Room {
  /** Rooms that it may import. */
  readonly rooms: Readonly<Record<string, string>>;
  /** Packages (by prefix) that it may import, besides node:*. */
  readonly packages: Readonly<Record<string, string>>;
}

const base = { kernel: 'errors, clock, ids, durations' };

export const importTable: Readonly<Record<string, Room>> = {
  kernel: { rooms: {}, packages: {} },
  settings: { rooms: { ...base }, packages: { yaml: 'the files are YAML', croner: 'a cron line is judged by making one' } },
  access: { rooms: { ...base }, packages: {} },
  telemetry: {
    rooms: { ...base, settings: 'the types of its settings' },
    packages: { '@opentelemetry/': 'the SDK lives here alone', pino: 'the logger lives here alone' },
  },
  store: { rooms: { ...base, settings: 'the types of its settings', telemetry: 'logs and counts its faults' }, packages: {} },
  events: {
    rooms: { ...base, settings: 'the types of its settings', telemetry: 'logs and counts', store: 'the journal is a table of the store' },
    packages: {},
  },
  logs: {
    rooms: {
      ...base,
      settings: 'the types of its settings',
      telemetry: 'logs and counts',
      store: 'faults of the disk have one shape',
      events: 'JSON values have one type',
    },
    packages: {},
  },
  documents: {
    rooms: {
      ...base,
      settings: 'one guard for the YAML that comes from outside',
      telemetry: 'logs',
      store: 'revisions are a table of the store',
      events: 'JSON values have one type, and a change is an event',
    },
    packages: { yaml: 'comments and order of the files are kept' },
  },
  config: {
    rooms: {
      ...base,
      documents: 'the configuration is a managed document',
      settings: 'judges documents as the start does',
      telemetry: 'logs and counts',
      store: 'revisions are a table of the store',
      events: 'every change is an event',
    },
    packages: { yaml: 'comments and order of the files are kept' },
  },
  alerts: {
    rooms: {
      ...base,
      settings: 'the types of rules and webhooks',
      telemetry: 'logs, counts, and reads metrics',
      store: 'alerts are a table of the store',
      events: 'rules count events; firing and resolved are events',
    },
    packages: {},
  },
  audit: {
    rooms: {
      ...base,
      settings: 'the types of its settings',
      telemetry: 'logs and counts',
      store: 'entries are a table of the store, and the command line opens its database',
    },
    packages: {},
  },
  traces: {
    rooms: {
      ...base,
      settings: 'the types of its settings',
      telemetry: 'spans come from there; logs and counts',
      store: 'spans are a table of the store',
      events: 'a story has its events',
    },
    packages: {},
  },
  processes: {
    rooms: {
      ...base,
      settings: 'the types of units',
      telemetry: 'logs and counts',
      store: 'applies are a table of the store; faults of the disk have one shape',
      events: 'every change of state is an event',
      logs: 'what a run wrote is collected',
      documents: 'the config of an engine is a managed document',
    },
    packages: {
      yaml: 'configs of mihomo and hysteria are YAML',
      diff: 'what a new config changes',
    },
  },
  fleet: {
    rooms: {
      ...base,
      settings: 'the types of its settings',
      telemetry: 'logs and counts',
      store: 'how far the fleet has come is a row of the store',
      events: 'what it forwards',
      access: 'the type of a verdict',
    },
    packages: { '@nats-io/': 'NATS is spoken here alone' },
  },
  plugins: {
    rooms: {
      ...base,
      settings: 'the types of its settings',
      telemetry: 'logs and counts',
      store: 'what is known of plugins are tables of the store',
      events: 'events of plugins, and their transitions',
      documents: 'what a plugin is configured by is a managed document',
      processes: 'process plugins are run by the one supervisor, and probed',
    },
    packages: { ajv: 'JSON Schema draft 2020-12', 'ajv-formats': 'its formats' },
  },
  sboxmgr: {
    rooms: {
      ...base,
      settings: 'the types of its settings, what a cron line means, and the environment of who asks by --json',
      telemetry: 'logs and counts',
      events: 'what arrives becomes events',
      logs: 'what a run of sboxmgr wrote is stored',
      processes: 'engines and sboxmgr are run by the one spawner; engines are described there',
    },
    packages: {},
  },
  api: {
    rooms: {
      ...base,
      settings: 'the types of its settings',
      access: 'who calls',
      telemetry: 'a span a call',
      store: 'answers kept for request_id',
      events: 'EventService',
      logs: 'LogService',
      processes: 'ProcessService',
      config: 'ConfigService',
      plugins: 'PluginService and PluginSessionService',
      alerts: 'AlertService',
      audit: 'AuditService, and an entry a call',
      traces: 'TraceService',
      fleet: 'FleetService (types: its room is loaded only where there is one)',
      gen: 'the services, generated (es)',
    },
    packages: {
      '@connectrpc/': 'serves gRPC, gRPC-Web and Connect',
      '@bufbuild/protobuf': 'messages and descriptors',
      '@bufbuild/protovalidate': 'the rules of the protos',
      '@opentelemetry/api': 'the types of a span',
    },
  },
  cli: {
    rooms: {
      ...base,
      fleet: 'how agents are called over NATS: subjects, signatures and frames have one place',
      settings: 'finds the socket as the daemon does',
      access: 'tokens, daemon running or not',
      audit: 'its chain is verified, and changes of tokens are written, daemon running or not',
      gen: 'the independent stack (ts)',
    },
    packages: {
      '@grpc/grpc-js': 'the independent client stack',
      '@grpc/proto-loader': '`call` works on descriptors alone',
      commander: 'parses the command line',
      'string-width': 'what a text takes in a terminal',
      yaml: '-o yaml',
    },
  },
  console: {
    rooms: { gen: 'the services, generated (es)' },
    packages: {
      preact: 'draws the page',
      '@preact/signals': 'what is drawn again when something changes',
      '@connectrpc/': 'the client of a browser',
      '@bufbuild/protobuf': 'messages and descriptors',
      uplot: 'plots',
    },
  },
  app: {
    rooms: {
      ...base,
      settings: 'composition',
      access: 'composition',
      telemetry: 'composition',
      store: 'composition',
      events: 'composition',
      logs: 'composition',
      documents: 'composition',
      config: 'composition',
      alerts: 'composition',
      audit: 'composition',
      fleet: 'composition',
      traces: 'composition',
      processes: 'composition',
      plugins: 'composition',
      sboxmgr: 'composition',
      api: 'composition',
    },
    packages: {},
  },
};
