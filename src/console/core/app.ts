import { type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Texts, tables } from '../text/index.ts';
import { type Alerts, createAlerts } from './alerts.ts';
import { createFigures, type Figures } from './figures.ts';
import { type InFleet, watchInFleet } from './fleet.ts';
import type { Link } from './follow.ts';
import { createNotices, type Notices } from './notices.ts';
import { createPreferences, type Preferences } from './preferences.ts';
import { createProcesses, type Processes } from './processes.ts';
import { createRouter, type Router } from './router.ts';
import { createSession, type Session } from './session.ts';
import { keepStatus } from './status.ts';
import { type Clients, createClients } from './transport.ts';

/** What the views are given. */
export interface App {
  readonly session: Session;
  readonly clients: Clients;
  readonly router: Router;
  readonly preferences: Preferences;
  readonly notices: Notices;
  /** Whether the stream of processes, which is always open, is live. */
  readonly link: ReadonlySignal<Link>;
  readonly processes: Processes;
  readonly figures: Figures;
  readonly alerts: Alerts;
  readonly inFleet: InFleet;
}

/** Puts the page together. */
export function createApp(token: string | undefined): App {
  const session = createSession(token, window.sessionStorage);
  const clients = createClients(session, window.location.origin);
  const link: Signal<Link> = signal('connecting');
  const app: App = {
    session,
    clients,
    link,
    router: createRouter(window),
    preferences: createPreferences(window),
    notices: createNotices(),
    processes: createProcesses({ session, clients, link }),
    figures: createFigures({ session, clients }),
    alerts: createAlerts({ session, clients }),
    inFleet: watchInFleet({ session, clients }),
  };
  keepStatus(app);
  return app;
}

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error('a view stands outside of the page');
  return app;
}

/** The texts of the chosen language. */
export function useTexts(): Texts {
  return tables[useApp().preferences.language.value];
}
