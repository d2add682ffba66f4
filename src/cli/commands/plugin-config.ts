import type { PluginConfig, PluginConfigBackup } from '../../../gen/ts/sboxagent/v1/plugin_config.ts';
import {
  GetPluginConfigRequest,
  ListPluginConfigBackupsRequest,
  RestorePluginConfigBackupRequest,
  UpdatePluginConfigRequest,
} from '../../../gen/ts/sboxagent/v1/plugin_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import { assigned, assignment, documentOf } from '../assignments.ts';
import type { Handler } from '../command-spec.ts';
import type { Context } from '../context.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { text } from '../flags.ts';
import { valueOfKey } from '../key-path.ts';
import { print, styleOf, yamlText } from '../output.ts';
import { type Column, listTable } from '../table.ts';
import { pluginClient } from './plugins.ts';

export function getDocument(agent: Agent, id: string): Promise<PluginConfig> {
  const client = pluginClient(agent);
  return unary(agent, client.getPluginConfig.bind(client), GetPluginConfigRequest.fromPartial({ id }));
}

function headline(config: PluginConfig): string {
  const applied = config.apply_state === 'APPLY_STATE_UNSPECIFIED' ? '' : `, ${config.apply_state}`;
  const why = config.apply_message === '' ? '' : `: ${config.apply_message}`;
  return `# revision ${config.revision}${applied}${why}\n`;
}

async function show(context: Context, config: PluginConfig, dryRun = false): Promise<void> {
  const body = config.config === undefined ? '' : await yamlText(config.config);
  await print(context, config, () => (dryRun ? '# it would become this; nothing was changed\n' : headline(config)) + body);
}

export const getConfig: Handler = (context, [id = '', key]) =>
  withAgent(context, async (agent) => {
    const config = await getDocument(agent, id);
    if (key === undefined) {
      await show(context, config);
      return EXIT.done;
    }
    const value = valueOfKey(config.config, key);
    if (value === undefined) throw new Failure(EXIT.refused, `the document of ${id} has no ${key}`);
    await print(context, value, () => `${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
    return EXIT.done;
  });

/** KEY=VALUE changes what is there, under its etag; -f replaces the whole document. */
export const setConfig: Handler = (context, [id = '', ...words], flags) =>
  withAgent(context, async (agent) => {
    const file = text(flags, 'file');
    if ((file === undefined) === (words.length === 0)) throw usage('give KEY=VALUE or -f FILE');
    const assignments = words.map(assignment);
    const before = file === undefined ? await getDocument(agent, id) : undefined;
    const config = file === undefined ? assigned(before?.config ?? {}, assignments) : await documentOf(file);
    const client = pluginClient(agent);
    const dryRun = flags['dryRun'] === true;
    const request = UpdatePluginConfigRequest.fromPartial({
      id,
      config,
      etag: before?.etag ?? '',
      validate_only: dryRun,
    });
    await show(context, await unary(agent, client.updatePluginConfig.bind(client), request), dryRun);
    return EXIT.done;
  });

const backupColumns: readonly Column<PluginConfigBackup>[] = [
  { title: 'BACKUP', cell: (b) => b.id, whole: true },
  { title: 'REVISION', cell: (b) => String(b.revision) },
  { title: 'TIME', cell: (b) => b.time ?? '' },
  { title: 'KEPT UNTIL', cell: (b) => b.expire_time ?? '' },
  { title: 'BYTES', cell: (b) => String(b.bytes) },
];

export async function listBackups(agent: Agent, id: string): Promise<PluginConfigBackup[]> {
  const client = pluginClient(agent);
  const request = ListPluginConfigBackupsRequest.fromPartial({ id, page_size: 1000 });
  return (await unary(agent, client.listPluginConfigBackups.bind(client), request)).backups;
}

export const backups: Handler = (context, [id = '']) =>
  withAgent(context, async (agent) => {
    const all = await listBackups(agent, id);
    const style = await styleOf(context);
    await print(context, all, () => listTable(backupColumns, all, { style, none: `The document of ${id} has no backup yet.` }));
    return EXIT.done;
  });

export const restore: Handler = (context, [id = '', backup = '']) =>
  withAgent(context, async (agent) => {
    const client = pluginClient(agent);
    const request = RestorePluginConfigBackupRequest.fromPartial({ id, backup });
    await show(context, await unary(agent, client.restorePluginConfigBackup.bind(client), request));
    return EXIT.done;
  });
