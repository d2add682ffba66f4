import { useApp, useTexts } from '../core/app.ts';
import { href } from '../core/router.ts';
import { ProcessBadge } from '../parts/badge.tsx';
import { Logs } from '../parts/logs.tsx';
import { Empty } from '../parts/note.tsx';
import { ProcessButtons } from '../parts/process-actions.tsx';
import { ProcessConfigView } from './process-config.tsx';
import { ProcessSummary } from './process-summary.tsx';

const tabs = ['summary', 'logs', 'config'] as const;
type Tab = (typeof tabs)[number];

/** One process: why it is in its state, its runs, what it writes, and its config. */
export function ProcessView({ id, tab }: { readonly id: string; readonly tab: string | undefined }) {
  const texts = useTexts();
  const { processes } = useApp();
  const all = processes.all.value;
  const process = all?.get(id);
  if (all === undefined) return <Empty>{texts.common.loading}</Empty>;
  if (process === undefined) return <Empty>{texts.process.gone(id)}</Empty>;
  const here: Tab = tabs.find((one) => one === tab) ?? 'summary';
  return (
    <>
      <header class="top process">
        <div>
          <p class="crumb">
            <a href={href('processes')}>{texts.nav.processes}</a>
          </p>
          <h1>{id}</h1>
        </div>
        <ProcessBadge state={process.state} />
        <ProcessButtons process={process} />
      </header>
      <nav class="tabs" aria-label={id}>
        {tabs
          .filter((one) => one !== 'config' || process.configPath !== '')
          .map((one) => (
            <a
              key={one}
              href={one === 'summary' ? href('processes', id) : href('processes', id, one)}
              aria-current={one === here ? 'page' : undefined}
            >
              {texts.process[one]}
            </a>
          ))}
      </nav>
      <TabView tab={here} id={id} />
    </>
  );
}

function TabView({ tab, id }: { readonly tab: Tab; readonly id: string }) {
  const { processes } = useApp();
  const process = processes.all.value?.get(id);
  if (process === undefined) return null;
  switch (tab) {
    case 'logs':
      return <Logs source={id} />;
    case 'config':
      return <ProcessConfigView id={id} />;
    case 'summary':
      return <ProcessSummary process={process} />;
  }
}
