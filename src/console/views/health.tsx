import { type Health_Component, Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { bytes, durationOf, span } from '../core/format.ts';
import { useLoad } from '../core/use-load.ts';
import { HealthBadge } from '../parts/badge.tsx';
import { Facts, Section } from '../parts/facts.tsx';
import { Ready } from '../parts/note.tsx';
import { Clock } from '../parts/time.tsx';

const everyMs = 5000;

/** Every component, the sick ones first, each with what to do. */
export function HealthView() {
  const texts = useTexts();
  const { clients } = useApp();
  const health = useLoad((signal) => clients.agent.getHealth({}, { signal }), [], everyMs);
  return (
    <>
      <header class="top">
        <h1>{texts.health.title}</h1>
        {health.kind === 'ready' && <HealthBadge status={health.value.status} />}
      </header>
      <Ready of={health}>
        {({ components }) => (
          <ul class="components">
            {[...components]
              .sort((a, b) => b.status - a.status)
              .map((component) => (
                <Component key={component.name} component={component} />
              ))}
          </ul>
        )}
      </Ready>
      <AgentFacts />
    </>
  );
}

function Component({ component }: { readonly component: Health_Component }) {
  const texts = useTexts();
  const sick = component.status !== Health_Status.HEALTHY;
  return (
    <li>
      <HealthBadge status={component.status} />
      <div>
        <strong>{component.name}</strong>{' '}
        <span class="dim">
          <Clock time={component.since} />
        </span>
        {component.message !== '' && <p>{component.message}</p>}
        {sick && texts.health.remedies[component.name] !== undefined && (
          <p>
            <span class="dim">{texts.health.todo}:</span> {texts.health.remedies[component.name]}
          </p>
        )}
      </div>
    </li>
  );
}

function AgentFacts() {
  const texts = useTexts();
  const { session } = useApp();
  const state = session.state.value;
  if (state.kind !== 'open') return null;
  const { status } = state;
  const { journal } = status;
  return (
    <Section title={texts.health.agentFacts}>
      <Facts
        rows={[
          [texts.shell.version(''), `${status.version}${status.commit === '' ? '' : ` (${status.commit.slice(0, 8)})`}`],
          [texts.health.pid, status.pid],
          [texts.processes.up, span(durationOf(status.uptime) ?? 0)],
          [texts.health.streams, status.streams],
          [texts.health.journal, journal !== undefined && texts.health.journalLine(journal.count.toLocaleString(), bytes(journal.bytes))],
          [texts.health.listens, <code key="listens">{status.listeners.join(', ')}</code>],
          [texts.health.files, status.configPaths.length > 0 && <code>{status.configPaths.join(', ')}</code>],
        ]}
      />
    </Section>
  );
}
