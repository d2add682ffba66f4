import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../helpers/daemon.ts';

/** `from './x.js'`, `import('./x.js')`, `new URL('../x', import.meta.url)`. What a bundle names by the place of its source is there as in that source. */
const named =
  /(?:^(?:import|export)\b[^\n]*?from\s*|(?<!\{ ?)import\(\s*|^import\s*|new URL\(\s*)(['"])(\.{1,2}\/[^'"]+)\1(?!,\s*new URL)/gm;

test('what is shipped has every file that its code names, types in none, and the version of package.json', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sboxagent-stage-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  execFileSync(process.execPath, [join(root, 'deploy/package/stage.ts'), directory], { stdio: 'ignore' });
  const files = globSync('{dist,src,gen,examples}/**/*.{js,cjs}', { cwd: directory });
  assert.ok(
    files.includes('src/main.js') &&
      files.includes('dist/daemon/main.cjs') &&
      files.includes('dist/daemon/store-worker.cjs') &&
      files.length > 300,
  );
  const served = ['gen/openapi/openapi.json', 'src/reference/index.html', 'third_party/swagger-ui/swagger-ui-bundle.js'];
  for (const path of [...served, 'third_party/swagger-ui/LICENSE']) assert.ok(existsSync(join(directory, path)), path);
  const missing = files.flatMap((file) => {
    const targets = [...readFileSync(join(directory, file), 'utf8').matchAll(named)].map(([, , target = '']) => target);
    return targets.filter((target) => !existsSync(join(directory, dirname(file), target))).map((target) => `${file}: ${target}`);
  });
  assert.deepEqual(missing, []);
  assert.deepEqual(globSync('**/*.ts', { cwd: directory }), []);
  const read = (path: string): { version: string; scripts?: unknown; devDependencies?: unknown } => JSON.parse(readFileSync(path, 'utf8'));
  const manifest = read(join(directory, 'package.json'));
  assert.equal(manifest.version, read(join(root, 'package.json')).version);
  assert.deepEqual([manifest.scripts, manifest.devDependencies], [undefined, undefined]);
});
