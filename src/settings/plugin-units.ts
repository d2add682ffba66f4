import type { Entries } from './entries.ts';
import { refuse } from './problems.ts';
import type { Declared } from './units.ts';

const probe = 'probes.readiness';
const kinds = ['exec.command', 'http.url', 'tcp.address', 'grpc.address'];

/** Refuses a probe that has none or more than one of its kinds. @throws RefusedError */
export function refuseUnfitProbe(entries: Entries, { base, keys, tree }: Declared): void {
  const path = `${base}.${probe}`;
  const given = keys.filter((row) => row.path.startsWith(`${probe}.`)).filter((row) => entries.get(`${base}.${row.path}`) !== undefined);
  const [first] = given.map((row) => entries.get(`${base}.${row.path}`));
  if (first === undefined) return;
  const at = first.at.line > 0 ? first.at : tree;
  const named = new Set(given.map((row) => row.path.split('.')[2]));
  const chosen = kinds.filter((kind) => named.has(kind.split('.')[0]));
  if (chosen.length !== 1) throw refuse(at, path, 'not exactly one of exec, http, tcp and grpc; give one of them');
  const [kind = ''] = chosen;
  const entry = entries.get(`${path}.${kind}`);
  if (entry === undefined) throw refuse(at, `${path}.${kind}`, 'not given; a probe needs it');
  if (kind === 'exec.command' && !(entry.value as readonly string[])[0]) {
    throw refuse(entry.at, `${path}.${kind}`, 'the program has no name; put its path first');
  }
  const port = kind.endsWith('.address') ? Number(String(entry.value).split(':').at(-1)) : 1;
  if (port > 65_535) throw refuse(entry.at, `${path}.${kind}`, { rule: 'range', message: `${port} is no port; give one from 1 to 65535` });
}

/** Refuses a ladder without steps. @throws RefusedError */
export function refuseUnfitRecovery(entries: Entries, { base }: Declared): void {
  const path = `${base}.recovery`;
  const steps = entries.get(`${path}.steps`);
  const [other] = ['budget', 'window', 'backoff'].map((name) => entries.get(`${path}.${name}`)).filter((entry) => entry !== undefined);
  if (steps === undefined && other !== undefined) throw refuse(other.at, `${path}.steps`, 'not given; name the steps, or remove recovery');
  if (steps !== undefined && (steps.value as readonly string[]).length === 0) {
    throw refuse(steps.at, `${path}.steps`, 'no steps; name some, or remove recovery');
  }
}
