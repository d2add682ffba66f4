/** The unit and its scripts under a real systemd: installed twice, restarted beside a connection that goes on, hung, refused, uninstalled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreign, until } from '../helpers/daemon.ts';
import { startMachine, whyNoMachine } from '../helpers/machine.ts';
import { beginDownload, proxyConfig, readyPid as readyPidIn } from '../helpers/slow-download.ts';

const singBox = foreign('sing-box');

test('the service: installed, restarted, upgraded, hung, refused, uninstalled', { skip: whyNoMachine(), timeout: 300_000 }, async (t) => {
  const machine = await startMachine(t);
  const { run, sh } = machine;
  const show = (what: string): Promise<string> => sh(`systemctl show -P ${what} sboxagent`);
  const readyPid = (unit: string): Promise<string> => readyPidIn(machine, unit);

  await t.test('installs, and installs again', async () => {
    await sh(
      'PATH=/opt/sboxagent/node_modules/.bin:$PATH; ln -s /opt/sboxagent/node_modules/.bin/node /usr/local/bin/node; /opt/sboxagent/deploy/systemd/install',
    );
    assert.equal(await show('ActiveState'), 'active');
    assert.match(await show('StatusText'), /^HEALTHY; 0 of 0 processes READY$/);
    await sh(`cat >/etc/sboxagent/sboxagent.yaml <<'EOF'\n${proxyConfig}\nEOF`);
    const first = await show('MainPID');
    await sh('/opt/sboxagent/deploy/systemd/install');
    assert.notEqual(await show('MainPID'), first);
    assert.equal(await sh('stat -c %U:%a /etc/sboxagent /var/lib/sboxagent | tr "\\n" " "'), 'sboxagent:750 sboxagent:700');
    assert.equal(await sh('systemctl is-enabled sboxagent'), 'enabled');
  });

  await t.test('runs as its own user, confined, each unit in a cgroup of its own', async () => {
    const pid = await readyPid('proxy');
    // The daemon says it at its next look, which may come after ours.
    await until('its status', async () => (await show('StatusText')) === 'HEALTHY; 1 of 1 processes READY');
    assert.equal(await sh(`ps -o user= -p ${pid}`), 'sboxagent');
    assert.match(await sh(`cat /proc/${pid}/cgroup`), /0::.*\/system\.slice\/sboxagent\.service\/sboxagent-[0-9a-f]{12}\/proxy/);
    assert.match(await sh(`grep CapAmb /proc/${pid}/status`), /0*3400$/);
    assert.equal((await run('runuser -u nobody -- sboxagent ps')).code === 0, false, 'who is not in the group has no access');
  });

  await t.test(
    'a real sing-box lives with the hardening: it makes its TUN device',
    { skip: singBox === undefined && 'there is no sing-box' },
    async () => {
      const tun = { type: 'tun', interface_name: 'tun7', address: ['172.19.0.1/30'], auto_route: true, stack: 'gvisor' };
      const inbounds = [tun, { type: 'mixed', listen: '127.0.0.1', listen_port: 2080 }];
      await sh(
        `mkdir -p /etc/sing-box; cat >/etc/sing-box/config.json <<'EOF'\n${JSON.stringify({ inbounds })}\nEOF\nchown -R sboxagent /etc/sing-box`,
      );
      await sh(`install -m 755 ${singBox} /usr/local/bin/sing-box`);
      await sh(
        'cp -p /etc/sboxagent/sboxagent.yaml /root/before; echo "    tun: {engine: sing-box, config_path: /etc/sing-box/config.json, autostart: true}" >>/etc/sboxagent/sboxagent.yaml; systemctl reload sboxagent',
      );
      await readyPid('tun').catch(async (error: unknown) => {
        throw new Error(await sh('sboxagent explain tun; sboxagent logs tun'), { cause: error });
      });
      assert.match(await sh('ip -o address show dev tun7; ip rule'), /172\.19\.0\.1/);
      await sh('sboxagent stop tun; cp -p /root/before /etc/sboxagent/sboxagent.yaml; systemctl reload sboxagent');
    },
  );

  await t.test('a restart drops no connection: the engine keeps its pid, the download its bytes', async () => {
    const pid = await readyPid('proxy');
    const part = await beginDownload(machine, '/usr/local/bin/node');
    const before = await show('MainPID');
    await sh('systemctl restart sboxagent');
    assert.notEqual(await show('MainPID'), before);
    assert.equal(await readyPid('proxy'), pid);
    // The other kind of end, which nobody prepared.
    await sh(`kill -9 $(systemctl show -P MainPID sboxagent)`);
    await until('the next daemon', async () => (await show('ActiveState')) === 'active' && (await show('NRestarts')) === '1');
    assert.equal(await readyPid('proxy'), pid);
    assert.equal(await part(), 1);
  });

  await t.test('a reload that is refused fails, with its reason', async () => {
    await sh('cp -p /etc/sboxagent/sboxagent.yaml /root/kept; echo "api: [" >>/etc/sboxagent/sboxagent.yaml');
    assert.notEqual((await run('systemctl reload sboxagent')).code, 0);
    assert.match(await sh('journalctl -u sboxagent -n 30 -o cat'), /sboxagent\.yaml/);
    assert.equal(await show('ActiveState'), 'active');
    await sh('cp -p /root/kept /etc/sboxagent/sboxagent.yaml; systemctl reload sboxagent');
  });

  await t.test('a loop that hangs is found by the watchdog, and its engines live on', async () => {
    const pid = await readyPid('proxy');
    await sh(
      'mkdir -p /etc/systemd/system/sboxagent.service.d; printf "[Service]\\nWatchdogSec=3\\n" >/etc/systemd/system/sboxagent.service.d/test.conf; systemctl daemon-reload; systemctl restart sboxagent',
    );
    const hung = await show('MainPID');
    await sh(`kill -STOP ${hung}`);
    await until('another daemon', async () => (await show('ActiveState')) === 'active' && (await show('MainPID')) !== hung, 60_000);
    assert.match(await sh('journalctl -u sboxagent -o cat'), /[Ww]atchdog timeout/);
    assert.equal(await readyPid('proxy'), pid);
  });

  await t.test('uninstall ends what it ran and takes itself away, and again', async () => {
    const pid = await readyPid('proxy');
    await sh('/opt/sboxagent/deploy/systemd/uninstall');
    assert.notEqual((await run(`kill -0 ${pid}`)).code, 0);
    assert.equal((await run('systemctl cat sboxagent')).code, 1);
    await sh('test -e /etc/sboxagent/sboxagent.yaml && test -e /var/lib/sboxagent/sboxagent.db');
    await sh('/opt/sboxagent/deploy/systemd/uninstall --purge && /opt/sboxagent/deploy/systemd/uninstall --purge');
    assert.equal(
      (
        await run(
          'ls -d /etc/sboxagent /var/lib/sboxagent /var/cache/sboxagent /run/sboxagent /usr/local/bin/sboxagent /etc/systemd/system/sboxagent*',
        )
      ).stdout,
      '',
    );
    assert.notEqual((await run('getent passwd sboxagent')).code, 0);
    assert.equal((await run('ls -d /sys/fs/cgroup/system.slice/sboxagent.service')).stdout, '');
  });
});
