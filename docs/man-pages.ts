/** The man pages, made of what --help and docs/configuration.md are made of; a test keeps the committed pages equal. Written as mdoc. */
import type { CommandSpec, FlagSpec } from '../src/cli/command-spec.ts';
import { commonFlags } from '../src/cli/command-spec.ts';
import { commands } from '../src/cli/command-table.ts';
import { configurationPage } from '../src/settings/docs.ts';
import { ownVariables } from '../src/settings/own-variables.ts';

/** When the pages were last read as a whole, as mdoc writes a day. */
const day = 'November 29, 2026';

/** Words as roff has them: what stands in backticks or between stars is bold. */
function inline(markdown: string): string {
  return markdown
    .replaceAll('\\', '\\e')
    .replaceAll(/\\e([<*_|])/g, '$1')
    .replaceAll('"', '\\(dq')
    .replaceAll(/`([^`]+)`/g, (_, code: string) => `\\fB${code.replaceAll('-', '\\-')}\\fR`)
    .replaceAll(/\*\*([^*]+)\*\*/g, '\\fB$1\\fR')
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1');
}

const columns = 78;

/** Prose: a line a sentence, none too long, and none that roff would take for a request. */
function text(markdown: string): string {
  const lines: string[] = [];
  for (const one of inline(markdown).split(/(?<=[.!?:]\)?)\s+(?=[A-Z(]|\\f)/)) {
    let line = '';
    for (const word of one.split(/\s+/)) {
      if (line !== '' && line.length + word.length >= columns) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line) => line.replace(/^(?=[.'])/, '\\&')).join('\n');
}

/** An argument of a macro: no word of it is a macro itself. */
function argument(word: string): string {
  const safe = word.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('"', '\\(dq');
  return /^[A-Z][a-z]$/.test(word) || /^[.,:;()[\]?!|]/.test(word) ? `\\&${safe}` : safe;
}

/** `<id>`, `[id...]`: as mdoc has them. */
function argumentsOf(args: string | undefined): string {
  return (args ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [, open, name = '', more] = /^([<[])(.+?)(\.\.\.)?[>\]]$/.exec(word) ?? [];
      const shown = `Ar ${argument(name)}${more === undefined ? '' : ' ...'}`;
      return open === '[' ? `Op ${shown}` : shown;
    })
    .join(' ');
}

/** `-n, --lines <count>`. */
function flagItem({ flags }: FlagSpec): string {
  const parts = flags.split(/,? +/).map((word) => {
    if (word.startsWith('--')) return `Fl \\&-${argument(word.slice(2))}`;
    return word.startsWith('-') ? `Fl ${argument(word.slice(1))} ,` : argumentsOf(word);
  });
  return `.It ${parts.join(' ')}`;
}

function flagList(flags: readonly FlagSpec[]): string[] {
  if (flags.length === 0) return [];
  const items = flags.flatMap((flag) => {
    const values = flag.values === undefined ? '' : ` One of ${flag.values.map((value) => `\`${value}\``).join(', ')}.`;
    return [flagItem(flag), text(`${sentence(flag.summary)}${values}`)];
  });
  return ['.Bl -tag -width Ds -compact', ...items, '.El'];
}

/** A summary as a sentence. */
function sentence(summary: string): string {
  if (/^\S*:\S/.test(summary)) return `${summary}.`;
  const whole = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}`;
  return /[.:`]$/.test(whole) ? whole : `${whole}.`;
}

function commandItems(spec: CommandSpec, before: string): string[] {
  const name = `${before}${argument(spec.name)}`;
  const own = spec.load !== undefined || spec.subcommands === undefined;
  const args = argumentsOf(spec.args);
  const item = own ? [`.It Cm ${name}${args === '' ? '' : ` ${args}`}`, text(sentence(spec.summary)), ...flagList(spec.flags ?? [])] : [];
  return [...item, ...(spec.subcommands ?? []).flatMap((sub) => commandItems(sub, `${name} `))];
}

function head(name: string, section: number, about: string): string[] {
  const title = `.Dt ${name.toUpperCase()} ${section}`;
  return ['.\\" Generated: `npm run generate:docs`.', `.Dd ${day}`, title, '.Os sboxagent', '.Sh NAME', `.Nm ${name}`, `.Nd ${about}`];
}

const exits: readonly (readonly [string, string])[] = [
  ['0', 'Done.'],
  ['1', 'Refused by the agent.'],
  ['2', 'Bad usage.'],
  ['3', 'The agent cannot be reached.'],
  ['70', 'A fault of the daemon; its last line says more.'],
  ['78', 'The daemon refuses its configuration or its surroundings; one line says why, and what to do.'],
];

const files: readonly (readonly [string, string])[] = [
  ['/etc/sboxagent/', 'Its configuration, where neither a flag nor the environment names another.'],
  [
    '/var/lib/sboxagent/',
    'All its state, where it runs as root; else below XDG_STATE_HOME. One token is in admin.token, the socket is api.sock.',
  ],
];

const examples: readonly (readonly [string, string])[] = [
  ['sboxagent init && sboxagent serve', 'Begin with what this machine has:'],
  ['sboxagent apply edge -f config.json', 'Put a config into effect, and have it taken back where no traffic passes:'],
  ['sboxagent explain edge', 'Ask why a process does not run:'],
  ["sboxagent events -f --type 'process.*'", 'See what happens:'],
  ['sboxagent token create --scope read --ttl 30d --name dashboard', 'Make a token for a program that reads:'],
];

function described(macro: string, rows: readonly (readonly [string, string])[]): string[] {
  const items = rows.flatMap(([name, what]) => [`.It ${macro} ${argument(name)}`, text(what)]);
  return ['.Bl -tag -width Ds', ...items, '.El'];
}

/** sboxagent(1). */
export function commandManPage(): string {
  const ofCommands = ownVariables.filter(({ reader }) => /commands|daemon/.test(reader));
  return [
    ...head('sboxagent', 1, 'keeps proxy engines alive, correct and visible'),
    ...['.Sh SYNOPSIS', '.Nm', '.Op Ar options', '.Ar command', '.Op Ar arguments', '.Nm', '.Fl \\&-json'],
    '.Sh DESCRIPTION',
    '.Nm',
    text(
      'runs beside proxy engines (sing-box, xray, mihomo, hysteria): it keeps them running, judges their configs before they are used, proves them through the proxy and takes back what does not hold, and keeps what happened as events, lines and metrics. The same program is the daemon and its client, which asks over the local socket unless a',
    ),
    '.Fl \\&-target',
    'is named.',
    '.Pp',
    'With',
    '.Fl \\&-json',
    'it answers one JSON request on its standard input, as sboxmgr asks.',
    '.Sh COMMANDS',
    '.Bl -tag -width Ds',
    ...commands.flatMap((spec) => commandItems(spec, '')),
    '.El',
    '.Sh OPTIONS',
    'These stand before or after the command.',
    ...flagList(commonFlags),
    '.Sh ENVIRONMENT',
    'Every key of the configuration has a variable too; see',
    '.Xr sboxagent.yaml 5 .',
    ...described(
      'Ev',
      ofCommands.map(({ name, doc }) => [name, doc] as const),
    ),
    '.Sh FILES',
    ...described('Pa', files),
    '.Sh EXIT STATUS',
    ...described('', exits).map((line) => line.replace('.It  ', '.It ')),
    '.Sh EXAMPLES',
    ...examples.flatMap(([command, what]) => [text(what), `.Dl ${argument(command)}`, '.Pp']).slice(0, -1),
    '.Sh SEE ALSO',
    '.Xr systemd 1 ,',
    '.Xr sboxagent.yaml 5',
    '',
  ].join('\n');
}

function cellsOf(row: string): string[] {
  return row
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** A row of a table of keys: its first cell names it, the last says what it means. */
function keyItem(row: string, names: readonly string[]): string[] {
  const cells = cellsOf(row);
  const [name = ''] = cells;
  const facts = cells.slice(1, -1).flatMap((cell, i) => {
    const column = names[i + 1] ?? '';
    if (cell === '') return [];
    return [column === 'type' || column === 'read by' ? cell : column === 'live' ? 'live' : `${column} ${cell}`];
  });
  return [`.It Ic ${argument(name.replaceAll('`', ''))}`, text(`(${facts.join('; ')})`), '.br', text(cells.at(-1) ?? '')];
}

/** docs/configuration.md as mdoc: headings, paragraphs and tables are all that it has. */
function fromMarkdown(page: string): string[] {
  const [, ...blocks] = page.trim().split(/\n{2,}/);
  return blocks.flatMap((block) => {
    if (block.startsWith('#')) return [`${block.startsWith('## ') ? '.Sh' : '.Ss'} ${block.replace(/^#+ /, '').toUpperCase()}`];
    if (!block.startsWith('|')) return ['.Pp', text(block.replaceAll('\n', ' '))];
    const [header = '', , ...rows] = block.split('\n');
    const names = cellsOf(header);
    return ['.Bl -tag -width Ds', ...rows.flatMap((row) => keyItem(row, names)), '.El'];
  });
}

/** A paragraph needs no space after a heading. */
function withoutEmptyParagraphs(lines: readonly string[]): string[] {
  return lines.filter((line, i) => line !== '.Pp' || (i > 0 && !/^\.S[hs]/.test(lines[i - 1] ?? '')));
}

/** sboxagent.yaml(5). */
export function configurationManPage(): string {
  return [
    ...head('sboxagent.yaml', 5, 'the configuration of sboxagent'),
    '.Sh DESCRIPTION',
    ...withoutEmptyParagraphs(fromMarkdown(configurationPage())),
    '.Sh SEE ALSO',
    '.Xr sboxagent 1',
    '',
  ].join('\n');
}
