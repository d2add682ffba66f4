import { useState } from 'preact/hooks';
import { type Plugin, Plugin_Kind, Plugin_State } from '../../../gen/es/sboxagent/v1/plugin_pb.js';
import { type App, useApp, useTexts } from '../core/app.ts';
import { digits } from '../core/format.ts';
import { href } from '../core/router.ts';
import { useLoad } from '../core/use-load.ts';
import { HealthBadge, nameOf, PluginBadge } from '../parts/badge.tsx';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/confirm.tsx';
import { Facts, Section } from '../parts/facts.tsx';
import { Empty, Ready } from '../parts/note.tsx';
import { Clock, Relative } from '../parts/time.tsx';
import { EventList } from './events.tsx';
import { PluginConfigEditor } from './plugin-config.tsx';
import { usePlugins } from './plugins.tsx';

export function PluginView({ id }: { readonly id: string }) {
  const texts = useTexts();
  const plugin = usePlugins([id])?.get(id);
  if (plugin === undefined) return <Empty>{texts.common.loading}</Empty>;
  return (
    <>
      <header class="top process">
        <div>
          <p class="crumb">
            <a href={href('plugins')}>{texts.nav.plugins}</a>
          </p>
          <h1>{plugin.name === '' ? id : plugin.name}</h1>
        </div>
        <PluginBadge state={plugin.state} />
        <PluginButtons plugin={plugin} />
      </header>
      {(plugin.message !== '' || plugin.reason !== '') && (
        <p class="lead">
          {plugin.message} {plugin.reason !== '' && <code>{plugin.reason}</code>}
        </p>
      )}
      <PluginFacts plugin={plugin} />
      <PluginConfigEditor id={id} />
      <RecentEvents id={id} etag={plugin.etag} />
    </>
  );
}

const actions = ['enable', 'disable', 'start', 'stop', 'restart'] as const;
type Action = (typeof actions)[number];

/** What makes sense: only a process is started and stopped. */
function actionsOf({ enabled, kind, state }: Plugin): readonly Action[] {
  if (!enabled) return ['enable'];
  if (kind !== Plugin_Kind.PROCESS) return ['disable'];
  return state === Plugin_State.STOPPED ? ['start', 'disable'] : ['restart', 'stop', 'disable'];
}

async function act({ clients }: App, action: Action, id: string): Promise<void> {
  const request = { id, requestId: crypto.randomUUID() };
  const { plugins } = clients;
  const calls = {
    enable: plugins.enablePlugin,
    disable: plugins.disablePlugin,
    start: plugins.startPlugin,
    stop: plugins.stopPlugin,
    restart: plugins.restartPlugin,
  } as const satisfies Readonly<Record<Action, unknown>>;
  await calls[action](request);
}

function PluginButtons({ plugin }: { readonly plugin: Plugin }) {
  const texts = useTexts();
  const app = useApp();
  const [asked, ask] = useState(false);
  if (!app.session.may('operate')) return null;
  const { id } = plugin;
  const run = async (action: Action): Promise<void> => {
    await act(app, action, id);
    app.notices.say('ok', texts.plugins.did(id));
  };
  return (
    <span class="actions">
      {actionsOf(plugin).map((action) => (
        <Button key={action} onPress={() => (action === 'disable' ? ask(true) : run(action))}>
          {texts.plugins[action]}
        </Button>
      ))}
      {asked && (
        <Dialog
          title={texts.plugins.askDisable(id)}
          action={texts.plugins.disable}
          danger
          onClose={() => ask(false)}
          onConfirm={() => run('disable')}
        >
          <p>{texts.plugins.askDisableLead}</p>
        </Dialog>
      )}
    </span>
  );
}

function PluginFacts({ plugin }: { readonly plugin: Plugin }) {
  const texts = useTexts();
  const t = texts.plugins;
  const { health, calls, recovery } = plugin;
  return (
    <Facts
      rows={[
        [t.kind, t.kinds[nameOf(Plugin_Kind, plugin.kind)]],
        [t.version, plugin.version],
        [t.health, health !== undefined && <HealthBadge status={health.status} />],
        [t.lastSeen, plugin.lastSeen !== undefined && <Relative time={plugin.lastSeen} />],
        [t.lease, plugin.leaseExpireTime !== undefined && <Clock time={plugin.leaseExpireTime} />],
        [t.calls, calls !== undefined && calls.count > 0 && t.callsLine(calls.count, calls.errors, `${digits(calls.p95Ms)} ms`)],
        [t.recovery, recovery !== undefined && recovery.attempts > 0 && t.recoveryLine(recovery.attempts, recovery.budget)],
        [texts.processes.process, plugin.processId !== '' && <a href={href('processes', plugin.processId)}>{plugin.processId}</a>],
        [
          t.labels,
          Object.entries(plugin.labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(', '),
        ],
      ]}
    />
  );
}

function RecentEvents({ id, etag }: { readonly id: string; readonly etag: string }) {
  const texts = useTexts();
  const { clients } = useApp();
  const own = useLoad((signal) => clients.plugins.getPlugin({ id }, { signal }), [id, etag]);
  return (
    <Section title={texts.plugins.recent}>
      <Ready of={own}>
        {({ recentEvents }) =>
          recentEvents.length === 0 ? (
            <Empty>{texts.common.none}</Empty>
          ) : (
            <EventList
              rows={[...recentEvents]
                .sort((a, b) => Number(b.revision - a.revision))
                .map((event) => ({ kind: 'event', revision: event.revision, event }))}
            />
          )
        }
      </Ready>
    </Section>
  );
}
