import type { Plugin } from '../../../gen/ts/sboxagent/v1/plugin.ts';
import {
  DeletePluginRequest,
  GetPluginRequest,
  ListPluginsRequest,
  PluginServiceClient,
  StartPluginRequest,
} from '../../../gen/ts/sboxagent/v1/plugin_service.ts';
import { type Agent, unary, withAgent } from '../agent.ts';
import type { Handler } from '../command-spec.ts';
import { EXIT } from '../failure.ts';
import { print, styleOf } from '../output.ts';
import { pluginCard, pluginJson, pluginTable } from '../plugin-table.ts';

/** A unit may take its whole grace to stop, and then as long again to be ready. */
const longestStop = { defaultTimeoutMs: 120_000 };

export function pluginClient(agent: Agent): PluginServiceClient {
  return new PluginServiceClient(agent.address, agent.credentials, agent.channelOptions);
}

/** All plugins, page by page: the agent bounds their number. */
export async function listPlugins(agent: Agent): Promise<Plugin[]> {
  const client = pluginClient(agent);
  const all: Plugin[] = [];
  let token = '';
  do {
    const request = ListPluginsRequest.fromPartial({ page_size: 1000, page_token: token });
    const page = await unary(agent, client.listPlugins.bind(client), request);
    all.push(...page.plugins);
    token = page.next_page_token;
  } while (token !== '');
  return all;
}

export const list: Handler = (context) =>
  withAgent(context, async (agent) => {
    const plugins = await listPlugins(agent);
    const style = await styleOf(context);
    await print(context, plugins.map(pluginJson), () => pluginTable(plugins, context.io.clock.wallMs(), style));
    return EXIT.done;
  });

export const show: Handler = (context, args) =>
  withAgent(context, async (agent) => {
    const client = pluginClient(agent);
    const plugin = await unary(agent, client.getPlugin.bind(client), GetPluginRequest.fromPartial({ id: args[0] ?? '' }));
    const style = await styleOf(context);
    await print(context, pluginJson(plugin), () => pluginCard(plugin, context.io.clock.wallMs(), style));
    return EXIT.done;
  });

export type PluginAction = 'enable' | 'disable' | 'start' | 'stop' | 'restart';

/** The handler of one of these: it prints the plugin that comes out of it. The five requests have one shape. */
export function act(action: PluginAction): Handler {
  return (context, args) =>
    withAgent(context, async (agent) => {
      const client = pluginClient(agent);
      const methods = {
        enable: client.enablePlugin,
        disable: client.disablePlugin,
        start: client.startPlugin,
        stop: client.stopPlugin,
        restart: client.restartPlugin,
      };
      const request = StartPluginRequest.fromPartial({ id: args[0] ?? '' });
      const plugin = await unary(agent, methods[action].bind(client), request, longestStop);
      const style = await styleOf(context);
      await print(context, pluginJson(plugin), () => pluginTable([plugin], context.io.clock.wallMs(), style));
      return EXIT.done;
    });
}

/** Prints nothing but what `-o` asks for: what is gone has nothing to show. */
export const remove: Handler = (context, args) =>
  withAgent(context, async (agent) => {
    const client = pluginClient(agent);
    const id = args[0] ?? '';
    await unary(agent, client.deletePlugin.bind(client), DeletePluginRequest.fromPartial({ id }));
    await print(context, { id, removed: true }, () => `${id} is removed\n`);
    return EXIT.done;
  });
