import type { AlertRuleSettings } from '../settings/types.ts';

/** About alerts whose rule has no page of its own. */
const generalPage = 'alert_firing.md';

export interface RunbookSources {
  /** The address below which the pages are, with or without a slash at its end. */
  readonly runbooks: string;
  readonly rules: readonly Pick<AlertRuleSettings, 'name' | 'runbookUrl'>[];
  /** Each has a page of its name. */
  readonly builtIn: readonly { readonly name: string }[];
}

/** The address of the page that says what to do about alerts of a rule; of a rule that is gone the general one. Pure. */
export function runbookOf(rule: string, { runbooks, rules, builtIn }: RunbookSources): string {
  const own = rules.find(({ name }) => name === rule);
  if (own?.runbookUrl !== undefined) return own.runbookUrl;
  const known = own === undefined && builtIn.some(({ name }) => name === rule);
  return `${runbooks.replace(/\/+$/, '')}/${known ? `${rule}.md` : generalPage}`;
}
