/**
 * Puts what is shipped into a directory: `node deploy/package/stage.ts DIRECTORY`. The TypeScript becomes JavaScript by taking its types away
 * (line and column stay), since Node strips types nowhere below node_modules, where npm puts a package. Both npm and the Debian package
 * ship this directory, with what it is made of and under which licences; its version is that of package.json. Daemon and client are there in few files too (bundle.ts), which is
 * what is run.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { bundleFor } from './bundle.ts';
import { writeBill } from './sbom.ts';

const root = join(import.meta.dirname, '../..');

/** Taken over as they are. */
const plain = [
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'bin/sboxagent', // the other name is a link, which npm makes of package.json
  'deploy/container/init',
  'deploy/systemd/*',
  'deploy/{alertmanager,compose,otlp,prometheus}/**/*',
  'deploy/grafana/{dashboards,provisioning}/**/*',
  'docs/**/*.md',
  'docs/*.webp',
  'docs/man/*',
  'examples/sboxagent.yaml',
  'gen/descriptor/sboxagent.binpb',
  'gen/console/*',
  'gen/es/**/*.js',
  'gen/openapi/openapi.json',
  'proto/**/*.proto',
  'src/reference/*',
  'third_party/swagger-ui/{LICENSE,NOTICE,VERSION,swagger-ui*}',
];
/** Programs in TypeScript. */
const programs = ['src/**/*.ts', 'gen/ts/**/*.ts', 'examples/*.ts'];
/** A file of ours in TypeScript, named relatively in code; packages have none. */
const relativeTypeScript = /(['"])(\.{1,2}\/[^'"\n]*)\.ts\1/g;

/** One module without its types, its own imports renamed along. */
export function toJavaScript(source: string): string {
  return stripTypeScriptTypes(source).replaceAll(relativeTypeScript, '$1$2.js$1');
}

interface Manifest {
  readonly [key: string]: unknown;
  readonly version: string;
}

/** package.json as shipped: without what only a checkout has, and with the commit that it was made of. */
function shippedManifest(): Manifest {
  const {
    scripts: _s,
    devDependencies: _d,
    private: _p,
    ...kept
  } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const commit = commitOf();
  return { ...kept, version: kept.version, ...(commit !== '' && { gitHead: commit }) };
}

function commitOf(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

export async function stage(directory: string): Promise<void> {
  const place = (path: string): string => {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    return target;
  };
  for (const path of globSync(plain, { cwd: root })) {
    if (statSync(join(root, path)).isFile()) cpSync(join(root, path), place(path));
  }
  for (const path of globSync(programs, { cwd: root, exclude: ['src/console/**'] })) {
    writeFileSync(place(path.replace(/\.ts$/, '.js')), toJavaScript(readFileSync(join(root, path), 'utf8')));
  }
  await bundleFor(directory);
  writeBill(root, directory); // for the processor of this machine
  writeFileSync(place('package.json'), `${JSON.stringify(shippedManifest(), null, 2)}\n`);
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) {
    process.stderr.write('usage: node deploy/package/stage.ts DIRECTORY\n');
    process.exit(2);
  }
  await stage(directory);
}
