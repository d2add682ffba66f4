import { Health_Status } from '../../../gen/es/sboxagent/v1/agent_pb.js';
import { type FleetAgent, FleetAgent_State, type FleetAgent_Unit } from '../../../gen/es/sboxagent/v1/fleet_pb.js';
import { Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { readFleet } from '../core/fleet.ts';
import { useLoad } from '../core/use-load.ts';
import { AgentBadge, HealthBadge, ProcessBadge } from '../parts/badge.tsx';
import { Empty, Note, Ready } from '../parts/note.tsx';
import { FilterField, useRowKeys } from '../parts/rows.tsx';
import { Relative } from '../parts/time.tsx';

const everyMs = 5000;

const labelsOf = ({ labels }: FleetAgent): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(', ');

/** Those that a person should look at come first. */
function trouble({ state, health, alertsFiring }: FleetAgent): number {
  if (state === FleetAgent_State.GONE) return 0;
  if (state === FleetAgent_State.UP && (health !== Health_Status.HEALTHY || alertsFiring > 0)) return 1;
  return state === FleetAgent_State.UP ? 2 : 3;
}

/** All agents of the fleet, as they last said themselves. */
export function FleetView() {
  const texts = useTexts();
  const { router, clients, inFleet } = useApp();
  const fleet = useLoad((signal) => readFleet(clients, signal), [], everyMs);
  const wanted = (router.route.value.query.get('q') ?? '').toLowerCase();
  const shownOf = (agents: readonly FleetAgent[]): readonly FleetAgent[] =>
    agents
      .filter((agent) => `${agent.name} ${labelsOf(agent)} ${agent.version}`.toLowerCase().includes(wanted))
      .sort((a, b) => trouble(a) - trouble(b) || a.name.localeCompare(b.name));
  return (
    <>
      <header class="top">
        <h1>{texts.fleet.title}</h1>
        <FilterField name="q" label={texts.common.filter} />
      </header>
      {!inFleet.value && <Empty>{texts.fleet.none}</Empty>}
      {inFleet.value && (
        <Ready of={fleet}>
          {({ agents, reached }) => (
            <>
              {!reached && <Note tone="warn">{texts.fleet.unreached}</Note>}
              <AgentTable agents={shownOf(agents)} />
            </>
          )}
        </Ready>
      )}
    </>
  );
}

function AgentTable({ agents }: { readonly agents: readonly FleetAgent[] }) {
  const texts = useTexts();
  const { fleet: t } = texts;
  const box = useRowKeys(() => false);
  if (agents.length === 0) return null;
  return (
    <div ref={box}>
      <table class="table processes">
        <thead>
          <tr>
            <th>{t.agent}</th>
            <th>{texts.processes.state}</th>
            <th>{texts.plugins.health}</th>
            <th>{t.units}</th>
            <th class="n">{texts.nav.alerts}</th>
            <th class="n">{t.behind}</th>
            <th>{texts.plugins.labels}</th>
            <th class="n">{texts.plugins.version}</th>
            <th class="n">{texts.plugins.lastSeen}</th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <tr key={agent.name} data-row={agent.name} tabIndex={-1}>
              <th scope="row">{agent.name}</th>
              <td>
                <AgentBadge state={agent.state} />
              </td>
              <td>{agent.state === FleetAgent_State.UP && <HealthBadge status={agent.health} />}</td>
              <td>
                <Units units={agent.units} />
              </td>
              <td class="n">{agent.alertsFiring > 0 ? agent.alertsFiring : ''}</td>
              <td class="n">{agent.eventsBehind > 0 ? agent.eventsBehind : ''}</td>
              <td class="why">{labelsOf(agent)}</td>
              <td class="n">{agent.version}</td>
              <td class="n">
                <Relative time={agent.lastSeen} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How many are ready; those that are not by name. */
function Units({ units }: { readonly units: readonly FleetAgent_Unit[] }) {
  const ready = units.filter(({ state }) => state === Process_State.READY);
  const others = units.filter(({ state }) => state !== Process_State.READY && state !== Process_State.STOPPED);
  return (
    <>
      {`${ready.length}/${units.length}`}
      {others.map(({ id, state }) => (
        <div key={id}>
          {id} <ProcessBadge state={state} />
        </div>
      ))}
    </>
  );
}
