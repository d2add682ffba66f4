/** Environment variables with our prefix that are no keys of the configuration: those of clients, of units, of the example. The daemon passes over them. */

export interface OwnVariable {
  readonly name: string;
  /** Who reads it. */
  readonly reader: string;
  readonly doc: string;
}

export const ownVariables: readonly OwnVariable[] = [
  { name: 'SBOXAGENT_CONFIG', reader: 'daemon, commands', doc: 'The configuration, as `--config` names it.' },
  { name: 'SBOXAGENT_TARGET', reader: 'commands, Python', doc: 'Where the agent is: `unix:PATH`, `host:port` or `https://host:port`.' },
  { name: 'SBOXAGENT_TOKEN', reader: 'commands, Python', doc: 'The token to show there.' },
  { name: 'SBOXAGENT_TOKEN_FILE', reader: 'Python', doc: 'The file that has the token; read again when it changes.' },
  { name: 'SBOXAGENT_TIMEOUT', reader: 'commands', doc: 'How long to wait for an answer, as `--timeout`.' },
  {
    name: 'SBOXAGENT_SIGNING_KEY_FILE',
    reader: 'commands',
    doc: 'The private key that signs calls to agents of the fleet, as `--signing-key`.',
  },
  { name: 'SBOXAGENT_DISABLE', reader: 'Python', doc: '`1` switches the reports of sboxmgr off.' },
  { name: 'SBOXAGENT_SPOOL_DIR', reader: 'Python', doc: 'Where events wait while the agent is away.' },
  {
    name: 'SBOXAGENT_LOG_LEVEL',
    reader: 'Python',
    doc: "Lines of sboxmgr's log are reported from this level on. (The agent's own level is `SBOXAGENT_AGENT_LOG_LEVEL`.)",
  },
  { name: 'SBOXAGENT_PLUGIN_ID', reader: 'plugins', doc: 'Given to a plugin that the agent runs: its id.' },
  { name: 'SBOXAGENT_PLUGIN_CONFIG', reader: 'plugins', doc: 'Given to a plugin that the agent runs: the file of its document.' },
  { name: 'SBOXAGENT_UNIT', reader: 'agent', doc: 'Given to every unit: marks what belongs to which run.' },
  { name: 'SBOXAGENT_EXAMPLE_PROXY_PORT', reader: 'example', doc: 'The port of the proxy that `npm start` runs.' },
];
