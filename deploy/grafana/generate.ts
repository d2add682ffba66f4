/** Writes the dashboards from their definitions: `npm run generate:dashboards`. */
import { writeFileSync } from 'node:fs';
import { agent } from './source/agent.ts';
import { type Definition, dashboard } from './source/dashboard.ts';
import { engines } from './source/engines.ts';
import { events } from './source/events.ts';
import { fleet } from './source/fleet.ts';
import { plugins } from './source/plugins.ts';
import { processes } from './source/processes.ts';

export const definitions: readonly Definition[] = [agent, processes, engines, plugins, events, fleet];

/** The text of each file in `dashboards/`, by its name. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(definitions.map((one) => [`${one.name}.json`, `${JSON.stringify(dashboard(one), null, 2)}\n`]));
}

if (import.meta.main) {
  for (const [name, text] of dashboardFiles()) writeFileSync(new URL(`dashboards/${name}`, import.meta.url), text);
}
