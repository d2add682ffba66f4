/**
 * Makes the package: `node clients/typescript/build.ts DIRECTORY`, then `npm pack DIRECTORY`. The sources lose their types, the generated
 * code comes along as `dist/gen`, and the version is that of the agent.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

const here = import.meta.dirname;
const root = join(here, '../..');

/** Imports as the package has them: generated code beside its own, JavaScript instead of TypeScript. */
function packaged(source: string): string {
  return source.replaceAll(/(['"])(?:\.\.\/)+gen\/es\//g, '$1./gen/').replaceAll(/(['"])(\.{1,2}\/[^'"\n]*)\.ts\1/g, '$1$2.js$1');
}

/** The declarations of the sources, by the compiler. */
function declarations(directory: string): readonly string[] {
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--rootDir', root, '--outDir', directory];
  const strict = [
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--types',
    'node',
    '--allowImportingTsExtensions',
    '--skipLibCheck',
    '--strict',
  ];
  const entries = ['node.ts', 'browser.ts'].map((name) => join(here, 'src', name));
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['--ignoreConfig', ...options, ...strict, ...entries], { cwd: root, stdio: 'inherit' });
  return globSync(join(directory, 'clients/typescript/src/*.d.ts'));
}

export function build(directory: string): void {
  const dist = join(directory, 'dist');
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  for (const path of globSync('src/*.ts', { cwd: here })) {
    const source = readFileSync(join(here, path), 'utf8');
    writeFileSync(join(dist, basename(path).replace(/\.ts$/, '.js')), packaged(stripTypeScriptTypes(source)));
  }
  const temporary = mkdtempSync(join(tmpdir(), 'sboxagent-client-'));
  try {
    for (const path of declarations(temporary)) writeFileSync(join(dist, basename(path)), packaged(readFileSync(path, 'utf8')));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  for (const path of globSync('{sboxagent,google,buf}/**/*_pb.{js,d.ts}', { cwd: join(root, 'gen/es') })) {
    mkdirSync(dirname(join(dist, 'gen', path)), { recursive: true });
    cpSync(join(root, 'gen/es', path), join(dist, 'gen', path));
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const { name, private: _private, ...manifest } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify({ name, version, ...manifest }, null, 2)}\n`);
  for (const file of [join(here, 'README.md'), join(root, 'LICENSE')]) cpSync(file, join(directory, basename(file)));
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) {
    process.stderr.write('usage: node clients/typescript/build.ts DIRECTORY\n');
    process.exit(2);
  }
  build(directory);
}
