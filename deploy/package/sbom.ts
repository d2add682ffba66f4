/**
 * Says what is shipped: `node deploy/package/sbom.ts CHECKOUT DIRECTORY` writes `sbom.cdx.json` (CycloneDX) and `licences.txt` into the directory.
 * CHECKOUT has package.json, package-lock.json and node_modules. npm lists what the lock file has for every processor, and nothing of what is
 * shipped within files of ours: what is not installed goes; the packages that the console is bundled of and those that came along as files are added.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundledPackages, licencesText, type Shipped, shippedPackages, vendoredPackages } from './licences.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

interface Sbom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

const refOf = ({ name, version }: Pick<Shipped, 'name' | 'version'>): string => `${name}@${version}`;

function componentOf(shipped: Shipped): Component & Readonly<Record<string, unknown>> {
  const { name, version, terms } = shipped;
  return {
    'bom-ref': refOf(shipped),
    type: 'library',
    name,
    version,
    scope: 'required',
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(terms !== '' && { licenses: [{ license: { id: terms } }] }),
  };
}

/** `installed`: what lies in the node_modules that is shipped. `within`: what lies in files of ours. */
export function completeSbom(sbom: Sbom, installed: readonly Shipped[], within: readonly Shipped[]): Sbom {
  const there = new Set(installed.map(refOf));
  const kept = sbom.components.filter((one) => there.has(refOf(one)));
  const refs = new Set(kept.map((one) => one['bom-ref']));
  const added = within.filter((one) => !refs.has(refOf(one)));
  for (const one of added) refs.add(refOf(one));
  const program = sbom.metadata.component['bom-ref'];
  const dependencies = sbom.dependencies
    .filter(({ ref }) => ref === program || refs.has(ref))
    .map(({ ref, dependsOn }) => ({
      ref,
      dependsOn: [...dependsOn.filter((one) => refs.has(one)), ...(ref === program ? added.map(refOf) : [])],
    }));
  return {
    ...sbom,
    metadata: { ...sbom.metadata, component: { ...sbom.metadata.component, name: 'sboxagent' } },
    components: [...kept, ...added.map(componentOf)],
    dependencies: [...dependencies, ...added.map((one) => ({ ref: refOf(one), dependsOn: [] }))],
  };
}

/** Throws for a package whose licence nobody knows. */
export function writeBill(checkout: string, directory: string): void {
  const listed = execFileSync('npm', ['sbom', '--omit=dev', '--package-lock-only', '--sbom-format=cyclonedx'], {
    cwd: checkout,
    encoding: 'utf8',
  });
  const installed = shippedPackages(join(checkout, 'node_modules'));
  const within = [...vendoredPackages(), ...bundledPackages()];
  const sbom = completeSbom(JSON.parse(listed) as Sbom, installed, within);
  const refs = new Set(sbom.components.map(refOf));
  const shipped = new Map([...installed, ...within].filter((one) => refs.has(refOf(one))).map((one) => [refOf(one), one]));
  writeFileSync(join(directory, 'sbom.cdx.json'), `${JSON.stringify(sbom, null, 2)}\n`);
  writeFileSync(join(directory, 'licences.txt'), licencesText([...shipped.values()]));
}

if (import.meta.main) {
  const [checkout, directory] = process.argv.slice(2);
  if (checkout === undefined || directory === undefined) {
    process.stderr.write('usage: node deploy/package/sbom.ts CHECKOUT DIRECTORY\n');
    process.exit(2);
  }
  writeBill(checkout, directory);
}
