import { type CommandSpec, reason } from '../command-spec.ts';

/** The agent's own configuration. */
export const configCommands: readonly CommandSpec[] = [
  {
    name: 'config',
    summary: "show and change the agent's own configuration",
    subcommands: [
      {
        name: 'get',
        summary: 'show what is set with its source, or all that stands under one key, secrets masked',
        args: '[key]',
        completes: ['config-key'],
        flags: [
          { flags: '--all', summary: 'the defaults too' },
          { flags: '--yaml', summary: 'the files themselves, with their comments' },
        ],
        load: async () => (await import('../commands/config.ts')).get,
      },
      {
        name: 'set',
        summary:
          'change keys in the file, and at once where they can be: KEY=VALUE, of lists KEY+=ITEM, KEY-=ITEM, KEY[0]=ITEM; null brings the default back',
        args: '<key=value...>',
        completes: ['config-key'],
        flags: [reason, { flags: '--dry-run', summary: 'say what it would change' }],
        load: async () => (await import('../commands/config.ts')).set,
      },
      {
        name: 'validate',
        summary: 'judge a file as the running agent would; - reads stdin; 1 when it is not fit',
        args: '<file>',
        completes: ['file'],
        load: async () => (await import('../commands/config.ts')).validate,
      },
      { name: 'reload', summary: 'read the files again, as SIGHUP does', load: async () => (await import('../commands/config.ts')).reload },
      {
        name: 'history',
        summary: 'list the revisions, newest first',
        flags: [{ flags: '-n, --lines <count>', summary: 'that many of the last (default: 100)' }],
        load: async () => (await import('../commands/config.ts')).history,
      },
      {
        name: 'diff',
        summary: 'show what the newest revision changed, what changed since one, or between two',
        args: '[from] [to]',
        completes: ['config-revision', 'config-revision'],
        load: async () => (await import('../commands/config.ts')).diff,
      },
      {
        name: 'rollback',
        summary: 'put the files of a revision back, as a new one',
        args: '<rev>',
        completes: ['config-revision'],
        flags: [reason],
        load: async () => (await import('../commands/config.ts')).rollback,
      },
    ],
  },
];
