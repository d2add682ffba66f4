import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engines } from '../../../../src/processes/engines/index.ts';
import { readConfig } from '../../../../src/processes/engines/read-config.ts';
import { secretsOf, secretValues } from '../../../../src/processes/engines/secrets.ts';
import type { EngineName } from '../../../../src/settings/types.ts';

function found(engine: EngineName, text: string): readonly string[] {
  const config = readConfig(engines[engine], text);
  assert.ok(config.ok);
  return secretsOf(engines[engine], config.document).map(({ path, value }) => `${path}=${value}`);
}

test('the secrets of a config, by engine', () => {
  assert.deepEqual(
    found(
      'sing-box',
      `{"inbounds": [{"type": "vless", "users": [{"name": "n", "uuid": "u-1"}], "tls": {"key": ["line"], "reality": {"private_key": "p"}}},
        {"type": "mixed", "users": [{"username": "me", "password": "pw"}]}],
       "outbounds": [{"type": "trojan", "password": "p2", "server": "s", "headers": {"Authorization": "Basic x"}}, {"type": "hysteria", "auth_str": "a"}],
       "route": {"rule_set": [{"url": "https://user:pass@h/x"}]},
       "experimental": {"clash_api": {"secret": "s3"}}}`,
    ),
    [
      'inbounds[0].users[0].uuid=u-1',
      'inbounds[0].tls.key[0]=line',
      'inbounds[0].tls.reality.private_key=p',
      'inbounds[1].users[0].password=pw',
      'outbounds[0].password=p2',
      'outbounds[0].headers.Authorization=Basic x',
      'outbounds[1].auth_str=a',
      'route.rule_set[0].url=user:pass',
      'experimental.clash_api.secret=s3',
    ],
  );
  assert.deepEqual(
    found(
      'xray',
      '{"inbounds": [{"settings": {"clients": [{"id": "i", "email": "e"}], "accounts": [{"user": "u", "pass": "p"}]}, "streamSettings": {"realitySettings": {"privateKey": "k", "publicKey": "o"}}}], "outbounds": [{"settings": {"vnext": [{"users": [{"id": "j"}]}], "servers": [{"password": "q"}]}}]}',
    ),
    [
      'inbounds[0].settings.clients[0].id=i',
      'inbounds[0].settings.accounts[0].pass=p',
      'inbounds[0].streamSettings.realitySettings.privateKey=k',
      'outbounds[0].settings.vnext[0].users[0].id=j',
      'outbounds[0].settings.servers[0].password=q',
    ],
  );
  assert.deepEqual(
    found(
      'mihomo',
      'secret: s\nauthentication: ["u:p"]\nproxies: [{type: tuic, uuid: x, password: y, token: z, obfs-password: o}]\nlisteners: [{users: {bob: pw}}]',
    ),
    [
      'secret=s',
      'authentication[0]=u:p',
      'proxies[0].uuid=x',
      'proxies[0].password=y',
      'proxies[0].token=z',
      'proxies[0].obfs-password=o',
      'listeners[0].users.bob=pw',
    ],
  );
  assert.deepEqual(
    found(
      'hysteria',
      'auth: {type: userpass, userpass: {Bob: a}}\nobfs: {salamander: {password: b}}\ntrafficStats: {secret: c}\nacme: {dns: {config: {cloudflare_api_token: d}}}',
    ),
    ['auth.userpass.Bob=a', 'obfs.salamander.password=b', 'trafficStats.secret=c', 'acme.dns.config.cloudflare_api_token=d'],
  );
  assert.deepEqual(found('hysteria', 'server: a\nauth: x'), ['auth=x']);
});

test('values to mask in lines: longest first, none so short that it would mask half of a line', () => {
  const secrets = ['short', 'user:long-password', 'long-password-2', 'long-password-2'].map((value) => ({ path: '', value }));
  assert.deepEqual(secretValues(secrets), ['user:long-password', 'long-password-2', 'long-password']);
});
