/** Dashboards, the compose file and the collector's example hang together. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { dashboardFiles, definitions } from '../../deploy/grafana/generate.ts';

const deploy = join(import.meta.dirname, '../../deploy');
const read = (path: string): string => readFileSync(join(deploy, path), 'utf8');

test('the dashboards are as generated (npm run generate:dashboards)', () => {
  const files = dashboardFiles();
  assert.deepEqual(readdirSync(join(deploy, 'grafana/dashboards')).toSorted(), [...files.keys()].toSorted());
  for (const [name, text] of files) assert.equal(read(`grafana/dashboards/${name}`), text, name);
});

test('panels do not overlap, and every one has a query of this instance', () => {
  for (const text of dashboardFiles().values()) {
    const { panels } = JSON.parse(text) as {
      panels: readonly {
        id: number;
        title: string;
        type: string;
        gridPos: { x: number; y: number; w: number; h: number };
        targets?: readonly { expr: string }[];
      }[];
    };
    const taken = new Set<string>();
    for (const { title, type, gridPos, targets = [] } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(x < 24 && !taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
      assert.ok(type === 'row' || targets.length > 0, title);
      for (const { expr } of targets) assert.ok(expr.includes('instance=~"$instance"'), `${title}: ${expr}`);
    }
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  }
  assert.deepEqual(definitions.map(({ name }) => name).toSorted(), ['agent', 'engines', 'events', 'fleet', 'plugins', 'processes']);
});

test('the compose file mounts what there is, and everything that it starts listens on this machine alone', () => {
  const { services, volumes } = parse(read('compose/compose.yaml'), { merge: true }) as {
    services: Record<string, { image: string; network_mode: string; volumes?: readonly string[]; command?: readonly string[] }>;
    volumes: object;
  };
  for (const [name, { image, network_mode: network, volumes: mounts = [], command = [] }] of Object.entries(services)) {
    assert.match(image, /:v?\d+\.\d+\.\d+$/, name);
    assert.equal(network, 'host', name);
    for (const mount of mounts) {
      const [from = ''] = mount.split(':');
      assert.ok(from.startsWith('../') ? existsSync(join(deploy, 'compose', from)) : from in volumes, mount);
    }
    for (const flag of command) if (/listen-address=./.test(flag)) assert.match(flag, /=127\.0\.0\.1:/);
  }
});

test('the pipelines of the collector are made of what it has', () => {
  const collector = parse(read('otlp/collector.yaml')) as Record<string, Record<string, object>> & {
    service: { pipelines: Record<string, Record<'receivers' | 'processors' | 'exporters', readonly string[]>> };
  };
  for (const parts of Object.values(collector.service.pipelines))
    for (const [kind, names] of Object.entries(parts))
      for (const name of names) assert.ok(name in (collector[kind] ?? {}), `${kind}: ${name}`);
});
