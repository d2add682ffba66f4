import type { CommandSpec } from '../command-spec.ts';

/** Alerts. */
export const alertCommands: readonly CommandSpec[] = [
  {
    name: 'alerts',
    summary: 'show what is wrong, and say that someone has seen it',
    subcommands: [
      {
        name: 'list',
        summary: 'list the alerts, firing ones first, then the newest',
        flags: [{ flags: '--firing', summary: 'only those that fire now' }],
        load: async () => (await import('../commands/alerts.ts')).list,
      },
      {
        name: 'ack',
        summary: 'acknowledge an alert',
        args: '<id>',
        completes: ['alert'],
        flags: [{ flags: '-m, --comment <text>', summary: 'a word to it, for others' }],
        load: async () => (await import('../commands/alerts.ts')).ack,
      },
      {
        name: 'watch',
        summary: 'show what fires and every change, also over a restart of the daemon',
        load: async () => (await import('../commands/alerts.ts')).watch,
      },
    ],
  },
];
