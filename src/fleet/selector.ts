/**
 * Which agents of a fleet are meant: by globs over their names, and by a selector over their labels as Kubernetes writes it. Both must match; an
 * empty one matches all.
 */
import { compileGlob } from '../kernel/glob.ts';

/** As it is given, kept and shown. */
export interface AgentSelector {
  /** Globs; one of them must match. */
  readonly agents: readonly string[];
  /** Requirements separated by commas, all of which must hold: `region=eu`, `tier!=test`, `tier in (a, b)`, `tier notin (a)`, `gpu`, `!gpu`. */
  readonly labels: string;
}

/** What is judged of an agent. */
export interface Selectable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export type Selects = (agent: Selectable) => boolean;
export type CompiledSelector =
  | { readonly ok: true; readonly selects: Selects }
  | { readonly ok: false; readonly field: keyof AgentSelector; readonly problem: string };

/** Longest text of either kind. */
const mostCharacters = 4096;
const globForm = /^[A-Za-z0-9_*-]+$/;
const name = '[A-Za-z_][A-Za-z0-9_.-]*';
const forms = {
  exists: new RegExp(`^(!?)\\s*(${name})$`),
  equals: new RegExp(`^(${name})\\s*(==|!=|=)\\s*([^=!()]*)$`),
  among: new RegExp(`^(${name})\\s+(in|notin)\\s*\\(([^()]*)\\)$`),
} as const;

/** Says what is wrong where it is no selector. */
export function compileSelector({ agents, labels }: AgentSelector): CompiledSelector {
  const long = labels.length > mostCharacters ? 'labels' : agents.join().length > mostCharacters ? 'agents' : undefined;
  if (long !== undefined) return { ok: false, field: long, problem: `a selector has at most ${mostCharacters} characters` };
  const tests: Selects[] = [];
  const stray = agents.find((glob) => !globForm.test(glob));
  if (stray !== undefined)
    return {
      ok: false,
      field: 'agents',
      problem: `${JSON.stringify(stray)} matches no agent: names have letters, digits, "_" and "-", and * is any run of them`,
    };
  if (agents.length > 0) {
    const globs = agents.map(compileGlob);
    tests.push((agent) => globs.some((matches) => matches(agent.name)));
  }
  for (const text of requirementsOf(labels)) {
    const test = compileRequirement(text);
    if (test === undefined)
      return { ok: false, field: 'labels', problem: `${JSON.stringify(text)} is no requirement of labels; write ${examples}` };
    tests.push(test);
  }
  return { ok: true, selects: (agent) => tests.every((test) => test(agent)) };
}

const examples = 'region=eu, tier!=test, tier in (a, b), tier notin (a), gpu or !gpu';

/** Splits at the commas that stand in no list. */
function requirementsOf(labels: string): readonly string[] {
  if (labels.trim() === '') return [];
  return labels.split(/,(?![^()]*\))/).map((part) => part.trim());
}

/** undefined: it is none. What an agent has no label for is unequal to everything, as with Kubernetes. */
function compileRequirement(text: string): Selects | undefined {
  const exists = forms.exists.exec(text);
  if (exists !== null) {
    const [, not = '', label = ''] = exists;
    return ({ labels }) => Object.hasOwn(labels, label) === (not === '');
  }
  const equals = forms.equals.exec(text);
  if (equals !== null) {
    const [, label = '', operator, value = ''] = equals;
    return ({ labels }) => (labelOf(labels, label) === value) === (operator !== '!=');
  }
  const among = forms.among.exec(text);
  if (among === null) return undefined;
  const [, label = '', operator, list = ''] = among;
  const values = new Set(list.split(',').map((value) => value.trim()));
  return ({ labels }) => {
    const value = labelOf(labels, label);
    return (value !== undefined && values.has(value)) === (operator === 'in');
  };
}

function labelOf(labels: Selectable['labels'], label: string): string | undefined {
  return Object.hasOwn(labels, label) ? labels[label] : undefined;
}
