import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { Handler } from '../command-spec.ts';
import { printable } from '../escape.ts';
import { EXIT, Failure } from '../failure.ts';
import { print } from '../output.ts';

/** Where each engine's packages and scripts put its config. */
const usualConfigs = {
  'sing-box': ['/etc/sing-box/config.json', '/usr/local/etc/sing-box/config.json'],
  xray: ['/usr/local/etc/xray/config.json', '/etc/xray/config.json'],
  mihomo: ['/etc/mihomo/config.yaml', '~/.config/mihomo/config.yaml'],
  hysteria: ['/etc/hysteria/config.yaml'],
} as const;

interface Found {
  readonly engine: string;
  readonly binary: string;
  /** Where it would be looked for, if it is not there. */
  readonly config: string;
  readonly isConfigThere: boolean;
}

function onPath(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((dir) => dir.startsWith('/'))
    .map((dir) => join(dir, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The engines of this machine, each with its program and its config. */
function findEngines(env: Readonly<Record<string, string | undefined>>): Found[] {
  return Object.entries(usualConfigs).flatMap(([engine, places]) => {
    const binary = onPath(engine, env['PATH'] ?? '');
    if (binary === undefined) return [];
    const files = places.map((place) => place.replace(/^~/, env['HOME'] ?? ''));
    const there = files.find((file) => existsSync(file));
    return [{ engine, binary, config: there ?? files[0] ?? '', isConfigThere: there !== undefined }];
  });
}

function unitText({ engine, binary, config, isConfigThere }: Found): string {
  const lines = [
    `    ${engine}:`,
    `      engine: ${engine}`,
    `      binary: ${JSON.stringify(binary)}`,
    `      config_path: ${JSON.stringify(config)}`,
    '      autostart: true',
  ];
  // A unit whose config is not there could not start: it waits for its reader.
  if (isConfigThere) return `${lines.join('\n')}\n`;
  return `    # ${config} is not there: put a config there, or name another file, and take the # away.\n${lines.map((line) => `    #${line.slice(4)}`).join('\n')}\n`;
}

const example = `    # No engine was found on PATH. With one installed:
    # edge:
    #   engine: sing-box        # or xray, mihomo, hysteria
    #   config_path: /etc/sing-box/config.json
    #   autostart: true
`;

function configuration(found: readonly Found[]): string {
  const units = found.length === 0 ? example : found.map(unitText).join('');
  const declared = found.some(({ isConfigThere }) => isConfigThere);
  return `# Every key and its default: docs/configuration.md, \`sboxagent serve --print-config\`.
agent:
  name: ${JSON.stringify(hostname())}
processes:
  units:${declared ? '' : ' {}'}
${declared ? units : units.replaceAll(/^ {4}(?=#)/gm, '  ')}`;
}

/** Writes a first configuration for the engines that this machine has; a file that is there stays as it is. */
export const init: Handler = async (context, [file = 'sboxagent.yaml'], flags) => {
  const { io } = context;
  const path = resolve(io.cwd, file);
  const found = findEngines(await io.env());
  const content = configuration(found);
  if (flags['print'] !== true) writeNew(path, content);
  const data = { path, engines: found.map(({ engine, binary, config }) => ({ engine, binary, config_path: config })) };
  await print(context, data, () => (flags['print'] === true ? content : report(path, found, file)));
  return EXIT.done;
};

function writeNew(path: string, content: string): void {
  try {
    writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new Failure(EXIT.refused, `${path} is there already, and was left as it is`, {
        reason: 'FILE_EXISTS',
        remedy: 'Name another file, or show what would be written with --print.',
      });
    }
    throw new Failure(EXIT.refused, `${path} cannot be written (${code ?? 'unknown error'})`);
  }
}

function report(path: string, found: readonly Found[], file: string): string {
  const lines = found.map(
    ({ engine, binary, config, isConfigThere }) =>
      `  ${engine}: ${binary}, ${isConfigThere ? config : `no config at ${config} yet: its unit is written as a comment`}`,
  );
  const engines =
    found.length === 0 ? 'No engine is on PATH: it has an example in a comment.' : `Found:\n${lines.map(printable).join('\n')}`;
  return `${printable(path)} is written.\n${engines}\nNext:\n  sboxagent serve --config ${printable(file)}\n`;
}
