import { type CommandSpec, type FlagSpec, topOrders } from '../command-spec.ts';

const force: FlagSpec = { flags: '--force', summary: 'also with a configuration that its engine refuses' };

const control = (name: string, summary: string, flags: readonly FlagSpec[] = []): CommandSpec => ({
  name,
  summary,
  args: '<id>',
  completes: ['process'],
  flags,
  load: async () => {
    const { control: handlers } = await import('../commands/control.ts');
    return handlers(name);
  },
});

/** Processes: seen, started, stopped, explained. */
export const processCommands: readonly CommandSpec[] = [
  { name: 'ps', summary: 'list the processes', load: async () => (await import('../commands/ps.ts')).ps },
  {
    name: 'top',
    summary: 'show processes with CPU, memory, traffic and restarts, live on a terminal, else once; Ctrl-C ends it',
    flags: [
      { flags: '--sort <column>', summary: 'the greatest first (default: cpu); id by name', values: topOrders },
      { flags: '--filter <text>', summary: 'only those with this in their id, engine or state' },
      { flags: '--interval <duration>', summary: 'how often to look (default: 2s)' },
      { flags: '--once', summary: 'look once, on a terminal too' },
    ],
    load: async () => (await import('../commands/top.ts')).top,
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
    completes: ['process'],
    flags: [{ flags: '--show-config', summary: 'print its config instead, secrets masked: what is changed and applied keeps them' }],
    load: async () => (await import('../commands/explain.ts')).explain,
  },
];
