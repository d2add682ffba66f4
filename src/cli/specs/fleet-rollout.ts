import { type CommandSpec, type FlagSpec, reason } from '../command-spec.ts';

const detach: FlagSpec = { flags: '--detach', summary: 'do not wait for the end: the agents go on by themselves either way' };

/** Rollouts over the agents of a fleet, for the agents that `selector` chooses. */
export function rolloutCommandsOf(selector: readonly FlagSpec[]): readonly CommandSpec[] {
  return [
    {
      name: 'apply',
      summary: "roll a config out: each agent's own apply, a few at a time; the first that takes it back halts it",
      args: '<unit>',
      completes: ['process'],
      flags: [
        { flags: '-f, --file <path>', summary: 'the config; - reads stdin', completes: 'file' },
        ...selector,
        { flags: '--canary <count>', summary: 'that many agents go first, and all of them must hold (default: 0)' },
        { flags: '--max-unavailable <count>', summary: 'at most that many agents apply at once (default: 1)' },
        { flags: '--pause <duration>', summary: 'how long to wait after each agent before the next takes its place (default: 0s)' },
        { flags: '--deadline <duration>', summary: 'an agent that has not ended its part by then halts it (default: 10m)' },
        { flags: '--valid-for <duration>', summary: 'agents that come later are brought to it for so long (default: 30d)' },
        reason,
        detach,
      ],
      load: async () => (await import('../commands/fleet-rollout.ts')).applyCommand,
    },
    {
      name: 'rollout',
      summary: 'list rollouts, and say how they go on',
      subcommands: [
        {
          name: 'ls',
          summary: 'list the rollouts, newest first',
          load: async () => (await import('../commands/fleet-rollout.ts')).listCommand,
        },
        {
          name: 'show',
          summary: 'show where a rollout stands, agent by agent (default: the newest)',
          args: '[rollout]',
          completes: ['rollout'],
          flags: [{ flags: '-f, --follow', summary: 'wait until nothing more comes of it' }],
          load: async () => (await import('../commands/fleet-rollout.ts')).showCommand,
        },
        {
          name: 'resume',
          summary: 'let a halted rollout go on; where it failed it is tried again',
          args: '<rollout>',
          completes: ['rollout'],
          flags: [{ flags: '--skip-failed', summary: 'leave agents as they are where it failed' }, detach],
          load: async () => (await import('../commands/fleet-rollout.ts')).resumeCommand,
        },
        {
          name: 'abort',
          summary: 'let no further agent begin; who has it keeps it',
          args: '<rollout>',
          completes: ['rollout'],
          load: async () => (await import('../commands/fleet-rollout.ts')).abortCommand,
        },
        {
          name: 'rollback',
          summary: 'end a rollout, and put the config of before back wherever it was applied',
          args: '<rollout>',
          completes: ['rollout'],
          flags: [detach],
          load: async () => (await import('../commands/fleet-rollout.ts')).rollbackCommand,
        },
      ],
    },
  ];
}
