/** PluginService: plugins as people and programs see them. */
import { PluginConfigBackupSchema } from '../../../gen/es/sboxagent/v1/plugin_config_pb.js';
import { Plugin_Kind, Plugin_State, PluginSchema } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import { type PluginFilter, PluginFilterSchema, type PluginService } from '../../../gen/es/sboxagent/v1/plugin_service_pb.js';
import { invalid } from '../../kernel/errors.ts';
import { feedMapping, mapFeed } from '../../kernel/feed.ts';
import { createStateFeed, type WatchedChange } from '../../kernel/state-feed.ts';
import type { PluginView } from '../../plugins/types.ts';
import { callOf } from '../calls.ts';
import { encodeMessage } from '../codec/binary.ts';
import { dataOf } from '../convert/data.ts';
import { askedPage } from '../convert/page.ts';
import type { ServiceOf } from '../seam.ts';
import type { ServiceDeps } from './deps.ts';
import { fedStream } from './fed-stream.ts';

function keeps(filter: PluginFilter | undefined, view: PluginView): boolean {
  if (filter === undefined) return true;
  const kind = view.kind === undefined ? Plugin_Kind.KIND_UNSPECIFIED : Plugin_Kind[view.kind];
  const state = filter.states.length === 0 || filter.states.includes(Plugin_State[view.state]);
  return state && (filter.kinds.length === 0 || filter.kinds.includes(kind));
}

const messages = feedMapping(({ items, removedIds, snapshot }: WatchedChange<PluginView>) => ({ plugins: items, removedIds, snapshot }));

export function pluginService({ plugins, api }: Pick<ServiceDeps, 'plugins' | 'api'>): ServiceOf<typeof PluginService> {
  const { documents } = plugins;
  const feed = createStateFeed<PluginView>({
    list: () => plugins.list(),
    onChange: (fn) => plugins.onChange(({ plugins: items, removedIds }) => fn({ items, removedIds })),
    sizeOf: (view) => encodeMessage(PluginSchema, view).length,
  });
  /** Throws PLUGIN_NOT_FOUND. */
  const known = (id: string): void => void plugins.get(id);

  return {
    listPlugins(request) {
      const { filter } = request;
      const asked = askedPage(request, { list: 'plugins', said: [encodeMessage(PluginFilterSchema, filter ?? {})], cursor: 'string' });
      const kept = plugins.list().filter((view) => keeps(filter, view) && (asked.after === undefined || view.id > asked.after));
      const { page, nextPageToken } = asked.cut(kept, { schema: PluginSchema, cursorOf: ({ id }) => id });
      return { plugins: page, nextPageToken };
    },

    async getPlugin({ id }) {
      const recentEvents = await plugins.recentEvents(id);
      return { ...plugins.get(id), recentEvents };
    },

    enablePlugin: ({ id }) => plugins.enable(id),

    disablePlugin: ({ id }) => plugins.disable(id),

    startPlugin: ({ id }) => plugins.start(id),

    stopPlugin: ({ id }) => plugins.stop(id),

    restartPlugin: ({ id }) => plugins.restart(id),

    async deletePlugin({ id }, context) {
      await plugins.remove(id, callOf(context).principal);
      return {};
    },

    watchPlugins: ({ ids }, context) => fedStream(mapFeed(feed.open(ids), messages), context),

    getPluginConfig({ id }) {
      known(id);
      return documents.get(id);
    },

    updatePluginConfig(request, context) {
      const { id, etag, validateOnly } = request;
      known(id);
      const config = dataOf(request.config, 'config', api().limits.jsonDepth);
      if (config === undefined) throw invalid([{ field: 'config', message: 'is required', rule: 'required' }]);
      const { principal, span } = callOf(context);
      return documents.update(id, { config, etag: etag || undefined, validateOnly, author: principal.name, traceId: span.traceId });
    },

    async listPluginConfigBackups(request) {
      known(request.id);
      const asked = askedPage(request, { list: 'backups', said: [request.id], cursor: 'number' });
      // Newest first, by revision: where the one that a token names is gone meanwhile, the page goes on below it.
      const rest = (await documents.backups(request.id)).filter(({ revision }) => revision < (asked.after ?? Number.MAX_SAFE_INTEGER));
      const { page, nextPageToken } = asked.cut(rest, { schema: PluginConfigBackupSchema, cursorOf: ({ revision }) => revision });
      return { backups: page, nextPageToken };
    },

    restorePluginConfigBackup({ id, backup }, context) {
      known(id);
      const { principal, span } = callOf(context);
      return documents.restore(id, backup, { author: principal.name, traceId: span.traceId });
    },
  };
}
