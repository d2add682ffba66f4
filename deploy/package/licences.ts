/** Which packages are shipped, installed or within files of ours, and under which licences. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
}

export interface Shipped {
  readonly name: string;
  readonly version: string;
  readonly terms: string;
  readonly text: string;
}

export function shippedPackages(modules: string): readonly Shipped[] {
  return globSync('**/package.json', { cwd: modules, exclude: (path) => path === '.bin' })
    .filter((path) => /(?:^|\/node_modules\/)(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(path))
    .map((path) => {
      const directory = join(modules, dirname(path));
      const { name = '', version = '', license = '' } = JSON.parse(readFileSync(join(modules, path), 'utf8')) as Manifest;
      const file = globSync('{LICENSE,LICENCE,License,license}*', { cwd: directory }).at(0);
      return { name, version, terms: license, text: file === undefined ? '' : readFileSync(join(directory, file), 'utf8').trim() };
    })
    .filter(({ name, version }) => name !== '' && version !== '')
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

/** What came along as files of ours: Swagger UI, with all that its bundle holds. */
export function vendoredPackages(): readonly Shipped[] {
  const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../third_party/swagger-ui', name), 'utf8');
  const [name = '', version = ''] = read('VERSION').split(/\s/);
  const text = ['LICENSE', 'NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'].map((file) => read(file).trim()).join('\n\n');
  return [{ name, version, terms: 'Apache-2.0', text }];
}

/** Packages that are bundled into the console (gen/console) and installed nowhere; a test says when the bundle holds another. */
export const consolePackages = ['@connectrpc/connect-web', '@preact/signals', '@preact/signals-core', 'preact', 'uplot'] as const;

export function bundledPackages(): readonly Shipped[] {
  const all = shippedPackages(join(import.meta.dirname, '../../node_modules'));
  return consolePackages.flatMap((wanted) => all.find(({ name }) => name === wanted) ?? []);
}

/** The licences of what is shipped, as text. Throws for a package without one of its own, so that nothing is shipped whose terms nobody knows. */
export function licencesText(packages: readonly Shipped[]): string {
  const unknown = packages.filter(({ terms, text }) => terms === '' && text === '').map(({ name }) => name);
  if (packages.length === 0 || unknown.length > 0) {
    throw new Error(packages.length === 0 ? 'licences: no packages there' : `licences: unknown for ${unknown.join(', ')}`);
  }
  const rule = '='.repeat(80);
  const section = ({ name, version, terms, text }: Shipped): string =>
    `${rule}\n${name} ${version}: ${terms || 'see below'}\n${rule}\n\n${text || `Licensed as ${terms}.`}\n\n`;
  return packages.map(section).join('');
}
