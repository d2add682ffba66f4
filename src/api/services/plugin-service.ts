/** PluginService: plugins as people and programs see them. */
import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { Plugin_Kind, Plugin_State, PluginSchema } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import { type PluginFilter, type PluginService, WatchPluginsResponseSchema } from '../../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { invalid } from '../../kernel/errors.ts';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import { createStateFeed, type WatchedChange } from '../../kernel/state-feed.ts';
import type { Plugins, PluginView } from '../../plugins/types.ts';
import { callOf } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { pageBinding, pageSize, pageToken, readPageToken, withinPage } from '../convert/page.ts';
import { backupMessage, dataOf, documentMessage, pluginMessage } from '../convert/plugin.ts';
import { fedStream } from './fed-stream.ts';

export interface PluginServiceDeps {
  readonly plugins: Plugins;
  readonly limits: () => { readonly maxDepth: number };
}

function keeps(filter: PluginFilter | undefined, view: PluginView): boolean {
  if (filter === undefined) return true;
  const kind = view.kind === undefined ? Plugin_Kind.KIND_UNSPECIFIED : Plugin_Kind[view.kind];
  const state = filter.states.length === 0 || filter.states.includes(Plugin_State[view.state]);
  return state && (filter.kinds.length === 0 || filter.kinds.includes(kind));
}

const messages = feedMapping(({ items, removedIds, snapshot }: WatchedChange<PluginView>) =>
  create(WatchPluginsResponseSchema, { plugins: items.map((view) => pluginMessage(view)), removedIds: [...removedIds], snapshot }),
);

export function pluginService({ plugins, limits }: PluginServiceDeps): ServiceImpl<typeof PluginService> {
  const { documents } = plugins;
  const feed = createStateFeed<PluginView>({
    list: () => plugins.list(),
    onChange: (fn) => plugins.onChange(({ plugins: items, removedIds }) => fn({ items, removedIds })),
    sizeOf: (view) => encodeMessage(PluginSchema, pluginMessage(view)).length,
  });
  /** Throws PLUGIN_NOT_FOUND. */
  const known = (id: string): void => void plugins.get(id);

  return {
    async listPlugins(request) {
      const { filter } = request;
      const binding = pageBinding('plugins', JSON.stringify([filter?.states ?? [], filter?.kinds ?? []]));
      const after = readPageToken(request.pageToken, binding, 'string');
      const kept = plugins.list().filter((view) => keeps(filter, view) && (after === undefined || view.id > after));
      const page = withinPage(
        PluginSchema,
        kept.slice(0, pageSize(request.pageSize)).map((view) => pluginMessage(view)),
      );
      const nextPageToken = pageToken(binding, page.length < kept.length ? page.at(-1)?.id : undefined);
      return { plugins: page, nextPageToken };
    },

    async getPlugin({ id }) {
      const events = await plugins.recentEvents(id);
      return pluginMessage(plugins.get(id), events);
    },

    enablePlugin: async ({ id }) => pluginMessage(await plugins.enable(id)),

    disablePlugin: async ({ id }) => pluginMessage(await plugins.disable(id)),

    startPlugin: async ({ id }) => pluginMessage(await plugins.start(id)),

    stopPlugin: async ({ id }) => pluginMessage(await plugins.stop(id)),

    restartPlugin: async ({ id }) => pluginMessage(await plugins.restart(id)),

    async deletePlugin({ id }, context) {
      await plugins.remove(id, callOf(context).principal);
      return create(EmptySchema);
    },

    watchPlugins: ({ ids }, context) => fedStream(mapFeed(feed.open(ids), messages), context),

    async getPluginConfig({ id }) {
      known(id);
      return documentMessage(documents.get(id));
    },

    async updatePluginConfig(request, context) {
      const { id, etag, validateOnly } = request;
      known(id);
      const config = dataOf(request.config, 'config', limits().maxDepth);
      if (config === undefined) throw invalid([{ field: 'config', message: 'is required', rule: 'required' }]);
      const { principal, span } = callOf(context);
      return documentMessage(
        await documents.update(id, { config, etag: etag || undefined, validateOnly, author: principal.name, traceId: span.traceId }),
      );
    },

    async listPluginConfigBackups(request) {
      known(request.id);
      const binding = pageBinding('backups', request.id);
      // Newest first, by revision: where the one that a token names is gone meanwhile, the page goes on below it.
      const before = readPageToken(request.pageToken, binding, 'number') ?? Number.MAX_SAFE_INTEGER;
      const rest = (await documents.backups(request.id)).filter(({ revision }) => revision < before);
      const page = rest.slice(0, pageSize(request.pageSize));
      const nextPageToken = pageToken(binding, page.length < rest.length ? page.at(-1)?.revision : undefined);
      return { backups: page.map(backupMessage), nextPageToken };
    },

    async restorePluginConfigBackup({ id, backup }, context) {
      known(id);
      const { principal, span } = callOf(context);
      return documentMessage(await documents.restore(id, backup, { author: principal.name, traceId: span.traceId }));
    },
  };
}
