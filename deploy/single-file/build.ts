/**
 * Makes the whole program one file: `node deploy/single-file/build.ts DIRECTORY`. It is Node's own single executable application: Node, and as
 * a payload what `npm i -g` takes with its packages. For the processor of this machine; nothing is fetched.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { serialize } from 'node:v8';
import { constants, zstdCompressSync } from 'node:zlib';
import { stage } from '../package/stage.ts';

const root = join(import.meta.dirname, '../..');
const bin = join(root, 'node_modules/.bin');
/** What Node looks for in itself (its documentation of single executable applications). */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

type Files = [path: string, content: Buffer][];

function filesOf(directory: string, pattern: string, prefix = ''): Files {
  return globSync(pattern, { cwd: directory })
    .filter((path) => statSync(join(directory, path)).isFile())
    .map((path) => [join(prefix, path), readFileSync(join(directory, path))]);
}

/** The packages that the program loads, without what only a developer reads, and without their Node. */
function modules(): Files {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root, encoding: 'utf8' });
  const packages = listed.split('\n').filter((path) => path.startsWith(join(root, 'node_modules')) && !/\/node-linux-\w+$/.test(path));
  return packages.flatMap((path) =>
    filesOf(path, '**/*', relative(root, path)).filter(([name]) => !/\.(d\.[cm]?ts|map|md)$|\/(include|share)\//.test(name)),
  );
}

export async function buildSingleFile(directory: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'sboxagent-single-'));
  const at = (name: string): string => join(work, name);
  try {
    await stage(at('staged'));
    const payload = serialize([...new Map([...filesOf(at('staged'), '**/*'), ...modules()])]);
    writeFileSync(at('payload'), zstdCompressSync(payload, { params: { [constants.ZSTD_c_compressionLevel]: 15 } }));
    writeFileSync(at('id'), createHash('sha256').update(payload).digest('hex').slice(0, 16));
    const config = {
      main: join(import.meta.dirname, 'main.cjs'),
      output: at('blob'),
      disableExperimentalSEAWarning: true,
      // As bin/sboxagent starts it.
      execArgv: ['--max-semi-space-size=16', '--disable-warning=ExperimentalWarning', '--disable-warning=DEP0123'],
      assets: { payload: at('payload'), id: at('id') },
    };
    writeFileSync(at('config.json'), JSON.stringify(config));
    execFileSync(process.execPath, ['--experimental-sea-config', at('config.json')], { stdio: 'ignore' });
    mkdirSync(directory, { recursive: true });
    const file = join(directory, 'sboxagent');
    copyFileSync(process.execPath, file);
    chmodSync(file, 0o755);
    execFileSync(join(bin, 'postject'), [file, 'NODE_SEA_BLOB', at('blob'), '--sentinel-fuse', fuse], { stdio: 'ignore' });
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) {
    process.stderr.write('usage: node deploy/single-file/build.ts DIRECTORY\n');
    process.exit(2);
  }
  process.stdout.write(`${await buildSingleFile(directory)}\n`);
}
