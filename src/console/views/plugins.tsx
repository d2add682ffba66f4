import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import { type Plugin, Plugin_Kind } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { follow } from '../core/follow.ts';
import { href } from '../core/router.ts';
import { useWhile } from '../core/use-load.ts';
import { HealthBadge, nameOf, PluginBadge } from '../parts/badge.tsx';
import { Empty } from '../parts/note.tsx';
import { FilterField, useRowKeys } from '../parts/rows.tsx';
import { Relative } from '../parts/time.tsx';

/** Plugins as they change, for as long as the view is open; undefined before the first answer. */
export function usePlugins(ids: readonly string[]): ReadonlyMap<string, Plugin> | undefined {
  const { clients } = useApp();
  const all = useMemo(() => signal<ReadonlyMap<string, Plugin> | undefined>(undefined), [ids.join()]);
  useWhile(
    (stop) =>
      void follow(stop, {
        open: (signal) => clients.plugins.watchPlugins({ ids: [...ids] }, { signal }),
        onMessage({ plugins, removedIds, snapshot }) {
          const next = new Map(snapshot ? [] : all.value);
          for (const id of removedIds) next.delete(id);
          for (const plugin of plugins) next.set(plugin.id, plugin);
          all.value = next;
        },
      }),
    [ids.join()],
  );
  return all.value;
}

const everyone: readonly string[] = [];

export function PluginsView() {
  const texts = useTexts();
  const { router } = useApp();
  const plugins = usePlugins(everyone);
  const wanted = (router.route.value.query.get('q') ?? '').toLowerCase();
  const shown = [...(plugins?.values() ?? [])]
    .filter(({ id, name, reason }) => `${id} ${name} ${reason}`.toLowerCase().includes(wanted))
    .sort((a, b) => a.id.localeCompare(b.id));
  const box = useRowKeys((key, id) => {
    if (key === 'Enter') router.go(href('plugins', id));
    return key === 'Enter';
  });
  return (
    <>
      <header class="top">
        <h1>{texts.plugins.title}</h1>
        <FilterField name="q" label={texts.common.filter} />
      </header>
      {plugins === undefined && <Empty>{texts.common.loading}</Empty>}
      {plugins?.size === 0 && <Empty>{texts.plugins.empty}</Empty>}
      {shown.length > 0 && (
        <div ref={box}>
          <PluginTable plugins={shown} />
        </div>
      )}
    </>
  );
}

function PluginTable({ plugins }: { readonly plugins: readonly Plugin[] }) {
  const texts = useTexts();
  const { router } = useApp();
  const { plugins: t } = texts;
  return (
    <table class="table processes">
      <thead>
        <tr>
          <th>{t.plugin}</th>
          <th>{texts.processes.state}</th>
          <th>{t.health}</th>
          <th>{texts.processes.why}</th>
          <th>{t.kind}</th>
          <th class="n">{t.version}</th>
          <th class="n">{t.lastSeen}</th>
        </tr>
      </thead>
      <tbody>
        {plugins.map((plugin) => (
          <tr key={plugin.id} data-row={plugin.id} tabIndex={-1} onClick={() => router.go(href('plugins', plugin.id))}>
            <th scope="row">
              <a href={href('plugins', plugin.id)} onClick={(event) => event.stopPropagation()}>
                {plugin.id}
              </a>
            </th>
            <td>
              <PluginBadge state={plugin.state} />
            </td>
            <td>
              {plugin.health !== undefined && plugin.health.status !== Health_Status.STATUS_UNSPECIFIED && (
                <HealthBadge status={plugin.health.status} />
              )}
            </td>
            <td class="why">{plugin.message !== '' ? plugin.message : plugin.reason !== '' && <code>{plugin.reason}</code>}</td>
            <td>{t.kinds[nameOf(Plugin_Kind, plugin.kind)]}</td>
            <td class="n">{plugin.version}</td>
            <td class="n">
              <Relative time={plugin.lastSeen} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
