/**
 * Bundles the console: `node deploy/console/build.ts [DIRECTORY]`, by default into gen/console, which is committed and which the agent
 * serves. It needs no network and gives the same bytes each time.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '../..');
const source = join(root, 'src/console');
/** In the order in which they are laid over each other. */
const styles = ['base', 'layout', 'parts', 'views'].map((name) => join(source, `style/${name}.css`));
/** What a plot needs of its library's own style: its layers lie upon each other. */
const plotStyle = join(root, 'node_modules/uplot/dist/uPlot.min.css');
const plain = ['index.html', 'icon.svg'];

/** Comments and the spaces around punctuation say nothing to a browser. */
export function smaller(css: string): string {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/\s*([{};,])\s*/g, '$1')
    .replace(/: /g, ':')
    .replaceAll(';}', '}')
    .trim();
}

/** Answers the names of the packages that are in it. */
export async function buildConsole(directory: string): Promise<readonly string[]> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const bundle = await rolldown({
    input: join(source, 'index.ts'),
    platform: 'browser',
    tsconfig: join(source, 'tsconfig.json'),
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    // What is generated only describes. Of packages, those of signals and of plots do something when they are loaded.
    treeshake: { moduleSideEffects: (id) => !id.startsWith(join(root, 'gen')) },
  });
  const { output } = await bundle.write({ file: join(directory, 'console.js'), format: 'es', minify: true, codeSplitting: false });
  await bundle.close();
  const css = [plotStyle, ...styles].map((path) => smaller(readFileSync(path, 'utf8'))).join('\n');
  writeFileSync(join(directory, 'console.css'), `${css}\n`);
  for (const name of plain) cpSync(join(source, 'page', name), join(directory, name));
  const inPackage = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;
  return [...new Set(output.flatMap(({ moduleIds = [] }) => moduleIds.flatMap((id) => inPackage.exec(id)?.[1] ?? [])))].sort();
}

if (import.meta.main) await buildConsole(process.argv[2] ?? join(root, 'gen/console'));
