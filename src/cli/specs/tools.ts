import { type CommandSpec, shells } from '../command-spec.ts';

/** Whatever is about the program or any RPC. */
export const toolCommands: readonly CommandSpec[] = [
  {
    name: 'call',
    summary: 'call any RPC: the request is JSON, - reads it from stdin; without arguments it lists services and methods',
    args: '[method] [json]',
    completes: ['method'],
    load: async () => (await import('../commands/call.ts')).call,
  },
  { name: 'version', summary: 'show the version', load: async () => (await import('../commands/version.ts')).version },
  {
    name: 'completion',
    summary: 'print a completion script for a shell',
    args: '<shell>',
    completes: [shells],
    load: async () => (await import('../commands/completion.ts')).completion,
  },
];
