import { type CommandSpec, type FlagSpec, topOrders } from '../command-spec.ts';

const waits = ['ready', 'stopped', 'exit'];
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
  {
    name: 'ps',
    summary: 'list the processes, or those that are named',
    args: '[id...]',
    completes: ['process'],
    load: async () => (await import('../commands/ps.ts')).ps,
  },
  {
    name: 'top',
    summary:
      'show processes with CPU, memory, traffic and restarts, live on a terminal, else once; q ends it, the first letter of a column sorts',
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
  {
    name: 'wait',
    summary: 'wait until processes are ready, are down, or have ended; 1 where that will not come by itself, or not within --timeout',
    args: '<id...>',
    completes: ['process'],
    flags: [{ flags: '--for <what>', summary: 'ready (default), stopped (nothing of it runs), exit (its run has ended)', values: waits }],
    load: async () => (await import('../commands/wait.ts')).wait,
  },
  {
    name: 'run',
    summary: 'run a command that no unit declares and show what it writes: `run -- /bin/program args`; processes.inline must allow it',
    args: '<command...>',
    completes: ['file'],
    flags: [
      { flags: '--name <id>', summary: 'its id (default: run- and some letters)' },
      { flags: '-e, --env <name=value...>', summary: 'variables of its environment' },
      { flags: '--cwd <path>', summary: 'its working directory', completes: 'directory' },
      { flags: '-d, --detach', summary: 'print its id and let it run' },
    ],
    load: async () => (await import('../commands/run.ts')).run,
  },
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
