import { type CommandSpec, reason } from '../command-spec.ts';

/** The config of an engine: put in, listed, put back. */
export const processConfigCommands: readonly CommandSpec[] = [
  {
    name: 'apply',
    summary: "put an engine's config into effect: checked, swapped, proved through the proxy, else taken back",
    args: '<id>',
    completes: ['process'],
    flags: [
      { flags: '-f, --file <path>', summary: 'the config; - reads stdin', completes: 'file' },
      { flags: '--dry-run', summary: 'judge it and change nothing' },
      { flags: '--async', summary: 'do not wait for the end' },
      { flags: '--etag <etag>', summary: 'only if nobody changed the config since it had this etag' },
      reason,
    ],
    load: async () => (await import('../commands/process-config.ts')).apply,
  },
  {
    name: 'edit',
    summary: 'change the config of an engine in $EDITOR: checked, shown as a diff, asked for, applied; what is refused can be edited again',
    args: '<id>',
    completes: ['process'],
    flags: [{ flags: '-y, --yes', summary: 'apply what passes the check without a question' }, reason],
    load: async () => (await import('../commands/edit.ts')).edit,
  },
  {
    name: 'history',
    summary: 'list the configs that an engine had, newest first',
    args: '<id>',
    completes: ['process'],
    flags: [{ flags: '-n, --lines <count>', summary: 'that many of the last (default: 100)' }],
    load: async () => (await import('../commands/process-config.ts')).history,
  },
  {
    name: 'rollback',
    summary: 'put an earlier config of an engine into effect again, with the same proof',
    args: '<id> <rev>',
    completes: ['process', 'process-revision'],
    flags: [reason],
    load: async () => (await import('../commands/process-config.ts')).rollback,
  },
];
