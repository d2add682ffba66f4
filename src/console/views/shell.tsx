import { useEffect, useRef, useState } from 'preact/hooks';
import { type App, AppContext, useApp, useTexts } from '../core/app.ts';
import { usePageKeys } from '../core/keyboard.ts';
import { type Theme, themes } from '../core/preferences.ts';
import { href } from '../core/router.ts';
import { Button } from '../parts/button.tsx';
import { type Language, languages, type Texts, tables } from '../text/index.ts';
import { AlertsView } from './alerts.tsx';
import { ConfigView } from './config.tsx';
import { EventsView } from './events.tsx';
import { FleetView } from './fleet.tsx';
import { HealthView } from './health.tsx';
import { KeysDialog } from './keys.tsx';
import { Overview } from './overview.tsx';
import { PluginView } from './plugin.tsx';
import { PluginsView } from './plugins.tsx';
import { ProcessView } from './process.tsx';
import { ProcessesView } from './processes.tsx';
import { TraceView } from './trace.tsx';
import { TracesView } from './traces.tsx';
import { Unlock } from './unlock.tsx';

export function shell(app: App) {
  return (
    <AppContext.Provider value={app}>
      <Page />
    </AppContext.Provider>
  );
}

function Page() {
  const { session } = useApp();
  return session.state.value.kind === 'open' ? <Opened /> : <Unlock />;
}

function Opened() {
  const texts = useTexts();
  const { router } = useApp();
  const [keys, showKeys] = useState(false);
  usePageKeys(() => showKeys(true));
  return (
    <div class="page">
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {texts.shell.skip}
      </button>
      <Side onKeys={() => showKeys(true)} />
      <main id="main" tabIndex={-1} key={router.route.value.path.join('/')}>
        <CurrentView path={router.route.value.path} />
      </main>
      <Notices />
      {keys && <KeysDialog onClose={() => showKeys(false)} />}
    </div>
  );
}

/** The views by the first part of the path, in the order of the menu. */
const views: readonly (readonly [keyof Texts['nav'], string])[] = [
  ['overview', ''],
  ['processes', 'processes'],
  ['events', 'events'],
  ['plugins', 'plugins'],
  ['alerts', 'alerts'],
  ['traces', 'traces'],
  ['fleet', 'fleet'],
  ['config', 'config'],
  ['health', 'health'],
];

function CurrentView({ path: [view = '', id, tab] }: { readonly path: readonly string[] }) {
  switch (view) {
    case 'processes':
      return id === undefined ? <ProcessesView /> : <ProcessView id={id} tab={tab} />;
    case 'events':
      return <EventsView />;
    case 'plugins':
      return id === undefined ? <PluginsView /> : <PluginView id={id} />;
    case 'fleet':
      return <FleetView />;
    case 'traces':
      return id === undefined ? <TracesView /> : <TraceView id={id} />;
    case 'config':
      return <ConfigView />;
    case 'alerts':
      return <AlertsView />;
    case 'health':
      return <HealthView />;
    default:
      return <Overview />;
  }
}

function Side({ onKeys }: { readonly onKeys: () => void }) {
  const texts = useTexts();
  const { session, router, alerts, inFleet } = useApp();
  const { state } = session;
  const here = router.route.value.path[0] ?? '';
  const menu = useRef<HTMLElement>(null);
  // On a phone the menu is longer than the screen.
  useEffect(() => menu.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [here]);
  const firing = alerts.firing.value?.length ?? 0;
  if (state.value.kind !== 'open') return null;
  const { status } = state.value;
  return (
    <div class="side">
      <header class="brand">
        <img src="icon.svg" alt="" width="22" height="22" />
        <div>
          <strong>{status.name}</strong>
          <LinkState />
        </div>
      </header>
      <nav ref={menu} aria-label={texts.nav.label}>
        {views
          .filter(([name]) => name !== 'fleet' || inFleet.value)
          .map(([name, path]) => (
            <a key={name} href={path === '' ? '#/' : href(path)} aria-current={here === path ? 'page' : undefined}>
              {texts.nav[name]}
              {name === 'alerts' && firing > 0 && <span class="count">{firing}</span>}
            </a>
          ))}
      </nav>
      <Settings onKeys={onKeys} />
    </div>
  );
}

function LinkState() {
  const texts = useTexts();
  const { link } = useApp();
  return (
    <span class={`link ${link.value}`} role="status">
      {texts.shell[link.value]}
    </span>
  );
}

function Settings({ onKeys }: { readonly onKeys: () => void }) {
  const texts = useTexts();
  const { session, preferences } = useApp();
  const { theme, language } = preferences;
  const state = session.state.value;
  const caller = state.kind === 'open' ? state.status.caller : undefined;
  return (
    <footer class="settings">
      <label>
        <span>{texts.shell.theme}</span>
        <select value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
          {themes.map((one) => (
            <option key={one} value={one}>
              {texts.shell.themes[one]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{texts.shell.language}</span>
        <select value={language.value} onChange={(event) => (language.value = event.currentTarget.value as Language)}>
          {languages.map((one) => (
            <option key={one} value={one}>
              {tables[one].name}
            </option>
          ))}
        </select>
      </label>
      <div class="row">
        <Button kind="quiet" onPress={onKeys}>
          {texts.shell.keys} <kbd>?</kbd>
        </Button>
        {session.token.value !== undefined && (
          <Button kind="quiet" onPress={() => session.lock()}>
            {texts.shell.leave}
          </Button>
        )}
      </div>
      {caller !== undefined && <p class="dim">{texts.shell.caller(caller.name, caller.scopes.join(', '))}</p>}
      {state.kind === 'open' && <p class="dim">{texts.shell.version(state.status.version)}</p>}
    </footer>
  );
}

function Notices() {
  const texts = useTexts();
  const { notices } = useApp();
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.all.value.map(({ id, kind, text }) => (
        <div key={id} class={`notice ${kind}`}>
          <span>{text}</span>
          <button type="button" class="button quiet" aria-label={texts.common.close} onClick={() => notices.drop(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
