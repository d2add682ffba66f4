import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { FleetMember } from '../../fleet/client.ts';
import type { Handler } from '../command-spec.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { list } from '../flags.ts';
import { selectedMembers, withFleet } from '../fleet/with-fleet.ts';
import { print, styleOf } from '../output.ts';
import { type Colour, type Column, listTable } from '../table.ts';

const colours: Readonly<Record<string, Colour>> = {
  UP: 'green',
  HEALTHY: 'green',
  DEGRADED: 'yellow',
  UNHEALTHY: 'red',
  GONE: 'red',
  LEFT: 'dim',
};

const columns: readonly Column<FleetMember>[] = [
  { title: 'AGENT', cell: ({ name }) => name, whole: true },
  { title: 'STATE', cell: ({ state }) => state, colour: ({ state }) => colours[state] },
  { title: 'HEALTH', cell: ({ state, health }) => (state === 'UP' ? health : ''), colour: ({ health }) => colours[health] },
  { title: 'UNITS', cell: ({ units }) => `${units.filter(({ state }) => state === 'READY').length}/${units.length}` },
  { title: 'BEHIND', cell: (member) => String(Math.max(0, member.last_revision - member.forwarded_revision)) },
  { title: 'SEEN', cell: ({ age_seconds: age }) => `${age}s` },
  { title: 'VERSION', cell: ({ version }) => version },
  {
    title: 'LABELS',
    cell: ({ labels }) =>
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(','),
  },
];

export const listCommand: Handler = (context, _args, flags) =>
  withFleet(context, async (client) => {
    const members = await selectedMembers(client, flags);
    const style = await styleOf(context);
    await print(context, { agents: members }, () => listTable(columns, members, { style, none: 'No agent of the fleet matches.' }));
    return EXIT.done;
  });

interface UnitRow {
  readonly agent: string;
  readonly unit: string;
  readonly state: string;
}

const unitColumns: readonly Column<UnitRow>[] = [
  { title: 'AGENT', cell: ({ agent }) => agent },
  { title: 'UNIT', cell: ({ unit }) => unit },
  { title: 'STATE', cell: ({ state }) => state, colour: ({ state }) => (state === 'READY' ? 'green' : undefined) },
];

export const unitsCommand: Handler = (context, _args, flags) =>
  withFleet(context, async (client) => {
    const members = await selectedMembers(client, flags);
    const rows = members.flatMap(({ name, units }) => units.map(({ id, state }): UnitRow => ({ agent: name, unit: id, state })));
    const style = await styleOf(context);
    await print(context, { units: rows }, () => listTable(unitColumns, rows, { style, none: 'No agent that matches has a unit.' }));
    return EXIT.done;
  });

/** Makes a pair: the private half into a file, the public one as the configuration of each agent wants it. */
export const keyCommand: Handler = async (context, [file = ''], flags) => {
  const path = resolve(context.io.cwd, file);
  const name = typeof flags['name'] === 'string' ? flags['name'] : 'ops';
  const { parseScopes } = await import('../../access/index.ts');
  const scopes = parseScopes(list(flags, 'scope').join(',') || 'read');
  const { privateKey } = generateKeyPairSync('ed25519');
  const { publicTextOf } = await import('../../fleet/client.ts');
  try {
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw usage(`${path} is there already, and is not written over`, 'Name another file.');
    throw new Failure(EXIT.refused, `${path} cannot be written: ${code ?? 'unknown error'}`);
  }
  const key = { name, public_key: publicTextOf(privateKey), scopes };
  const yaml = `fleet:\n  keys:\n    - name: ${key.name}\n      public_key: ${key.public_key}\n      scopes: [${scopes.join(', ')}]\n`;
  await print(
    context,
    { ...key, private_key_file: path },
    () => `The private key is in ${path}. In the configuration of each agent that it may call:\n\n${yaml}`,
  );
  return EXIT.done;
};
