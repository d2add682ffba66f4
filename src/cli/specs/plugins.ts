import type { CommandSpec } from '../command-spec.ts';
import type { PluginAction } from '../commands/plugins.ts';

const plugin = (name: PluginAction, summary: string): CommandSpec => ({
  name,
  summary,
  args: '<id>',
  completes: ['plugin'],
  load: async () => (await import('../commands/plugins.ts')).act(name),
});

/** Plugins and their documents. */
export const pluginCommands: readonly CommandSpec[] = [
  {
    name: 'plugins',
    summary: 'show plugins, switch them, and change their configuration',
    subcommands: [
      { name: 'list', summary: 'list the plugins', load: async () => (await import('../commands/plugins.ts')).list },
      {
        name: 'show',
        summary: 'show one plugin with its newest events',
        args: '<id>',
        completes: ['plugin'],
        load: async () => (await import('../commands/plugins.ts')).show,
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
        completes: ['plugin'],
        load: async () => (await import('../commands/plugins.ts')).remove,
      },
      {
        name: 'config',
        summary: "show and change a plugin's document",
        subcommands: [
          {
            name: 'get',
            summary: 'show the document, or what stands under a key, secrets masked',
            args: '<id> [key]',
            completes: ['plugin', 'plugin-key'],
            load: async () => (await import('../commands/plugin-config.ts')).getConfig,
          },
          {
            name: 'set',
            summary: 'change keys of the document, or replace it with -f; a value *** keeps the secret that is there',
            args: '<id> [key=value...]',
            completes: ['plugin', 'plugin-key'],
            flags: [
              { flags: '-f, --file <path>', summary: 'the whole document, JSON or YAML; - reads stdin', completes: 'file' },
              { flags: '--dry-run', summary: 'judge it and change nothing' },
            ],
            load: async () => (await import('../commands/plugin-config.ts')).setConfig,
          },
          {
            name: 'backups',
            summary: 'list the backups of the document, newest first',
            args: '<id>',
            completes: ['plugin'],
            load: async () => (await import('../commands/plugin-config.ts')).backups,
          },
          {
            name: 'restore',
            summary: 'make the document of a backup the newest revision',
            args: '<id> <backup>',
            completes: ['plugin', 'backup'],
            load: async () => (await import('../commands/plugin-config.ts')).restore,
          },
        ],
      },
    ],
  },
];
