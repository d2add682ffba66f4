import { type CommandSpec, type FlagSpec, shells, topOrders } from './command-spec.ts';
import type { PluginAction } from './commands/plugins.ts';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

const reason: FlagSpec = { flags: '--reason <text>', summary: 'why, for the list of revisions' };
const follow: FlagSpec = { flags: '-f, --follow', summary: 'stay and show what comes, also over a restart of the daemon' };
const force: FlagSpec = { flags: '--force', summary: 'also with a configuration that its engine refuses' };
const control = (name: string, summary: string, flags: readonly FlagSpec[] = []): CommandSpec => ({
  name,
  summary,
  args: '<id>',
  completes: 'process',
  flags,
  load: async () => {
    const { control: handlers } = await import('./commands/control.ts');
    return handlers(name);
  },
});

const plugin = (name: PluginAction, summary: string): CommandSpec => ({
  name,
  summary,
  args: '<id>',
  load: async () => (await import('./commands/plugins.ts')).act(name),
});

/** Every command of the program. --help, the parser and the completion scripts are made from it. */
export const commands: readonly CommandSpec[] = [
  {
    name: 'serve',
    summary: 'run the daemon in the foreground',
    flags: [
      { flags: '--check-config', summary: 'read the configuration, say whether it is fit, and end' },
      { flags: '--print-config', summary: 'print the effective configuration, secrets masked, and end' },
    ],
  },
  { name: 'doctor', summary: 'say what a start would find, each check with its verdict and the remedy' },
  {
    name: 'status',
    summary: 'show the agent: version, listeners, processes, journal, health',
    load: async () => (await import('./commands/status.ts')).status,
  },
  { name: 'ps', summary: 'list the processes', load: async () => (await import('./commands/ps.ts')).ps },
  {
    name: 'top',
    summary: 'show processes with CPU, memory, traffic and restarts, live on a terminal, else once; Ctrl-C ends it',
    flags: [
      { flags: '--sort <column>', summary: 'the greatest first (default: cpu); id by name', values: topOrders },
      { flags: '--filter <text>', summary: 'only those with this in their id, engine or state' },
      { flags: '--interval <duration>', summary: 'how often to look (default: 2s)' },
      { flags: '--once', summary: 'look once, on a terminal too' },
    ],
    load: async () => (await import('./commands/top.ts')).top,
  },
  control('start', 'start a process'),
  control('stop', 'stop a process and all that it started', [
    { flags: '--grace <duration>', summary: "how long it may take before it is killed (default: the unit's own)" },
  ]),
  control('restart', 'stop and start a process', [force]),
  control('reload', 'let a process read its configuration again', [force]),
  {
    name: 'explain',
    summary: 'say why a process stands where it stands: exits, last lines, what changed in its config, what to do',
    args: '<id>',
    completes: 'process',
    flags: [{ flags: '--show-config', summary: 'print its config instead, secrets masked: what is changed and applied keeps them' }],
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    name: 'apply',
    summary: "put an engine's config into effect: checked, swapped, proved through the proxy, else taken back",
    args: '<id>',
    completes: 'process',
    flags: [
      { flags: '-f, --file <path>', summary: 'the config; - reads stdin', completes: 'file' },
      { flags: '--dry-run', summary: 'judge it and change nothing' },
      { flags: '--async', summary: 'do not wait for the end' },
      { flags: '--etag <etag>', summary: 'only if nobody changed the config since it had this etag' },
      reason,
    ],
    load: async () => (await import('./commands/process-config.ts')).apply,
  },
  {
    name: 'history',
    summary: 'list the configs that an engine had, newest first',
    args: '<id>',
    completes: 'process',
    flags: [{ flags: '-n, --lines <count>', summary: 'that many of the last (default: 100)' }],
    load: async () => (await import('./commands/process-config.ts')).history,
  },
  {
    name: 'rollback',
    summary: 'put an earlier config of an engine into effect again, with the same proof',
    args: '<id> <rev>',
    completes: 'process',
    flags: [reason],
    load: async () => (await import('./commands/process-config.ts')).rollback,
  },
  {
    name: 'logs',
    summary: 'show what processes and the agent wrote, oldest first',
    args: '[id]',
    completes: 'process',
    flags: [
      follow,
      { flags: '-n, --lines <count>', summary: 'that many of the last lines (default: 100)' },
      { flags: '--level <level>', summary: 'this level and above', values: levels },
      { flags: '--since <duration>', summary: 'not older than this, e.g. 10m' },
      { flags: '--grep <regexp>', summary: 'only lines that match this regular expression' },
    ],
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  {
    name: 'events',
    summary: 'show events, oldest first',
    flags: [
      follow,
      { flags: '--type <glob...>', summary: 'only these types: * within a segment, ** across, e.g. process.**' },
      { flags: '--source <name...>', summary: 'only of these sources' },
      { flags: '--subject <name...>', summary: 'only about these subjects, e.g. the id of a process' },
      { flags: '--after <revision>', summary: 'those after this revision; 0 from the oldest kept' },
      {
        flags: '-n, --lines <count>',
        summary: 'that many of the last (default: 100; with -f none), with --after of the first (default: all)',
      },
    ],
    load: async () => (await import('./commands/events.ts')).events,
  },
  {
    name: 'config',
    summary: "show and change the agent's own configuration",
    subcommands: [
      {
        name: 'get',
        summary: 'show every key with its value and source, or what stands under one, secrets masked',
        args: '[key]',
        flags: [{ flags: '--yaml', summary: 'the files themselves, with their comments' }],
        load: async () => (await import('./commands/config.ts')).get,
      },
      {
        name: 'set',
        summary: 'change keys in the file, and at once where they can be; a value null brings the default back',
        args: '<key=value...>',
        flags: [reason, { flags: '--dry-run', summary: 'say what would change, and change nothing' }],
        load: async () => (await import('./commands/config.ts')).set,
      },
      {
        name: 'validate',
        summary: 'judge a file as the running agent would; - reads stdin; 1 when it is not fit',
        args: '<file>',
        load: async () => (await import('./commands/config.ts')).validate,
      },
      { name: 'reload', summary: 'read the files again, as SIGHUP does', load: async () => (await import('./commands/config.ts')).reload },
      {
        name: 'history',
        summary: 'list the revisions, newest first',
        flags: [{ flags: '-n, --lines <count>', summary: 'that many of the last (default: 100)' }],
        load: async () => (await import('./commands/config.ts')).history,
      },
      {
        name: 'diff',
        summary: 'show what the newest revision changed, what changed since one, or between two',
        args: '[from] [to]',
        load: async () => (await import('./commands/config.ts')).diff,
      },
      {
        name: 'rollback',
        summary: 'put the files of a revision back, as a new one',
        args: '<rev>',
        flags: [reason],
        load: async () => (await import('./commands/config.ts')).rollback,
      },
    ],
  },
  {
    name: 'plugins',
    summary: 'show plugins, switch them, and change their configuration',
    subcommands: [
      { name: 'list', summary: 'list the plugins', load: async () => (await import('./commands/plugins.ts')).list },
      {
        name: 'show',
        summary: 'show one plugin with its newest events',
        args: '<id>',
        load: async () => (await import('./commands/plugins.ts')).show,
      },
      plugin('enable', 'switch a plugin on again'),
      plugin('disable', 'switch a plugin off: not run, not judged, its sessions refused'),
      plugin('start', 'start the process of a plugin'),
      plugin('stop', 'stop the process of a plugin'),
      plugin('restart', 'stop and start the process of a plugin'),
      {
        name: 'forget',
        summary: 'remove a plugin that is gone for good, with its document and its alerts',
        args: '<id>',
        load: async () => (await import('./commands/plugins.ts')).forget,
      },
      {
        name: 'config',
        summary: "show and change a plugin's document",
        subcommands: [
          {
            name: 'get',
            summary: 'show the document, or what stands under a key, secrets masked',
            args: '<id> [key]',
            load: async () => (await import('./commands/plugin-config.ts')).getConfig,
          },
          {
            name: 'set',
            summary: 'change keys of the document, or replace it with -f; a value *** keeps the secret that is there',
            args: '<id> [key=value...]',
            flags: [
              { flags: '-f, --file <path>', summary: 'the whole document, JSON or YAML; - reads stdin', completes: 'file' },
              { flags: '--dry-run', summary: 'judge it and change nothing' },
            ],
            load: async () => (await import('./commands/plugin-config.ts')).setConfig,
          },
          {
            name: 'backups',
            summary: 'list the backups of the document, newest first',
            args: '<id>',
            load: async () => (await import('./commands/plugin-config.ts')).backups,
          },
          {
            name: 'restore',
            summary: 'make the document of a backup the newest revision',
            args: '<id> <backup>',
            load: async () => (await import('./commands/plugin-config.ts')).restore,
          },
        ],
      },
    ],
  },
  {
    name: 'alerts',
    summary: 'show what is wrong, and say that someone has seen it',
    subcommands: [
      {
        name: 'list',
        summary: 'list the alerts, firing ones first, then the newest',
        flags: [{ flags: '--firing', summary: 'only those that fire now' }],
        load: async () => (await import('./commands/alerts.ts')).list,
      },
      {
        name: 'ack',
        summary: 'acknowledge an alert',
        args: '<id>',
        flags: [{ flags: '-m, --comment <text>', summary: 'a word to it, for others' }],
        load: async () => (await import('./commands/alerts.ts')).ack,
      },
      {
        name: 'watch',
        summary: 'show what fires and every change, also over a restart of the daemon',
        load: async () => (await import('./commands/alerts.ts')).watch,
      },
    ],
  },
  {
    name: 'token',
    summary: 'make, list and revoke tokens in the state directory, whether the daemon runs or not',
    subcommands: [
      {
        name: 'create',
        summary: 'make a token and show it, this once',
        flags: [
          {
            flags: '--scope <scopes...>',
            summary: 'what it may do: read, events:write, operate, config:write, admin; separated by commas',
          },
          { flags: '--replaces <id>', summary: 'take the place of this token: its plugins, and its name and scopes unless given' },
          { flags: '--ttl <duration>', summary: 'how long it is good, e.g. 30d (default: until it is revoked)' },
          { flags: '--name <name>', summary: 'who uses it: the default source of events published with it' },
        ],
        load: async () => (await import('./commands/token.ts')).createCommand,
      },
      {
        name: 'list',
        summary: 'list the tokens, without their secrets',
        load: async () => (await import('./commands/token.ts')).listCommand,
      },
      {
        name: 'revoke',
        summary: 'end a token and its streams at once',
        args: '<id>',
        load: async () => (await import('./commands/token.ts')).revokeCommand,
      },
    ],
  },
  {
    name: 'call',
    summary: 'call any RPC: the request is JSON, - reads it from stdin; without arguments it lists services and methods',
    args: '[method] [json]',
    load: async () => (await import('./commands/call.ts')).call,
  },
  { name: 'version', summary: 'show the version', load: async () => (await import('./commands/version.ts')).version },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    args: '<shell>',
    completes: shells,
    load: async () => (await import('./commands/completion.ts')).completion,
  },
];
