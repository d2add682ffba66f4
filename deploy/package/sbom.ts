/**
 * Completes an SBOM: `npm sbom --sbom-format=cyclonedx | node deploy/package/sbom.ts NODE_MODULES`. npm lists what the lock file has for every
 * processor, and nothing of what is shipped within files of ours. What is not installed goes; the packages that the console is bundled of and
 * those that came along as files are added.
 */
import { readFileSync } from 'node:fs';
import { bundledPackages, type Shipped, shippedPackages, vendoredPackages } from './licences.ts';

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

if (import.meta.main) {
  const installed = shippedPackages(process.argv[2] ?? '');
  const sbom = JSON.parse(readFileSync(0, 'utf8')) as Sbom;
  process.stdout.write(`${JSON.stringify(completeSbom(sbom, installed, [...vendoredPackages(), ...bundledPackages()]), null, 2)}\n`);
}
