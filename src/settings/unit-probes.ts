import type { Entries } from './entries.ts';
import { probeKinds } from './keys/probes.ts';
import { type Place, type Problems, refuse } from './problems.ts';
import { type Found, isTree, type Tree } from './tree.ts';
import type { Declared } from './units.ts';

/** Where a unit may have a probe. */
const places = ['probes.startup', 'probes.readiness', 'probes.liveness', 'apply.probe'];

/** Refuses each probe that has none or more than one of its kinds, or a kind that the unit cannot have. */
export function refuseUnfitProbes(entries: Entries, declared: Declared, problems: Problems): void {
  for (const place of places) problems.attempt(() => refuseUnfitProbe(entries, declared, place));
}

/** @throws RefusedError */
function refuseUnfitProbe(entries: Entries, { base, keys, tree }: Declared, place: string): void {
  const path = `${base}.${place}`;
  const rows = keys.filter((row) => row.path.startsWith(`${place}.`));
  const given = rows.filter((row) => entries.get(`${base}.${row.path}`) !== undefined);
  const [first] = given.map((row) => entries.get(`${base}.${row.path}`));
  if (first === undefined) {
    const empty = emptyAt(tree, place);
    if (empty === undefined) return;
    throw refuse(empty, path, 'empty; say how it looks, or remove it');
  }
  const at = first.at.line > 0 ? first.at : tree;
  const known = probeKinds.filter((kind) => rows.some((row) => row.path === `${place}.${kind}`));
  const named = new Set(given.map((row) => row.path.slice(place.length + 1).split('.')[0]));
  const chosen = known.filter((kind) => named.has(kind.split('.')[0]));
  if (chosen.length !== 1) {
    const names = known.map((kind) => kind.split('.')[0]);
    throw refuse(at, path, `not exactly one of ${names.slice(0, -1).join(', ')} and ${names.at(-1)}; give one of them`);
  }
  const [kind = ''] = chosen;
  const entry = entries.get(`${path}.${kind}`);
  if (entry === undefined) throw refuse(at, `${path}.${kind}`, 'not given; a probe needs it');
  if (kind === 'exec.command' && !(entry.value as readonly string[])[0]) {
    throw refuse(entry.at, `${path}.${kind}`, 'the program has no name; put its path first');
  }
  const port = kind.endsWith('.address') ? Number(String(entry.value).split(':').at(-1)) : 1;
  if (port > 65_535) throw refuse(entry.at, `${path}.${kind}`, { rule: 'range', message: `${port} is no port; give one from 1 to 65535` });
  if (place === 'apply.probe' && kind === 'log.pattern') {
    throw refuse(
      entry.at,
      `${path}.log`,
      'a line that was written once says nothing of the traffic now; choose another kind, such as proxy',
    );
  }
  const ofEngine = kind === 'engine' || (kind === 'proxy.url' && !entries.has(`${path}.proxy.via`));
  if (ofEngine && !entries.has(`${base}.engine`)) {
    throw refuse(
      entry.at,
      path,
      kind === 'engine' ? 'a command has no engine; choose another kind' : 'a command has no inbound of its own; give proxy.via',
    );
  }
}

/** The empty mapping (or null) that was written at a dotted place of a unit; undefined where nothing was. */
function emptyAt(tree: Tree, place: string): Place | undefined {
  let at: Found | Tree | undefined = tree;
  for (const name of place.split('.')) at = at !== undefined && isTree(at) ? at.entries.get(name) : undefined;
  return at;
}
